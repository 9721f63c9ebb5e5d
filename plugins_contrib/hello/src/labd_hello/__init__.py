"""The smallest labd plugin that uses everything a plugin can.

Nothing is imported here: labd imports :mod:`labd_hello.plugin`, labctl :mod:`labd_hello.cli`, and neither
needs what the other needs.
"""
