"""Completion scripts. They run labctl only to ask for jobs, methods and plugins."""
