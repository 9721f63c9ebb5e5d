"""Functions over many arguments, with logs and results as files: ``DLJob`` and what ``labctl run`` does.

Standard library only, and nothing of the daemon: a project imports this in its own environment. Nothing is
imported here, since labctl looks into this package before it knows what it needs.
"""
