"""``labd tui``: the machine at a glance. A client of the socket, in a process of its own.

``store`` and what it is made of are pure; ``link`` feeds it; screens only draw from it.
"""
