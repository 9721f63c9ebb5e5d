"""The engine ``dask`` of labd: tasks of maps on a Dask cluster.

``plugin``, ``driver`` and ``grants`` are in the daemon, which never imports Dask; ``helper`` and ``cluster``
in a process of their own, and ``far`` where Dask's workers are.
"""

VERSION = 1
"""Of what helper and workers say to each other."""
