"""Old clients of ``wkr_serving`` on labd's models: their wire protocol, import names and commands.

Nothing is imported here: labd imports :mod:`labd_wkr.plugin`, workers :mod:`labd_wkr.codec`, and neither
needs what the other needs.
"""
