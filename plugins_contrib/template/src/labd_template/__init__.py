"""A plugin of labd.

Nothing is imported here: the daemon and labctl each import what they need.
"""
