"""Processes of others: seen, bounded and ended. The standard library only, and nothing else of labd.

Shared by the shims of jobs and the keepers of workers, which both start small.
"""
