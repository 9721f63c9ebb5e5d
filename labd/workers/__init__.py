"""Child processes that run foreign code, for every plugin that has some.

::

    daemon ---- requests ---- forker ---- fork ---- keeper ---- fork ---- worker (fresh: exec, warm: no exec)
       |                                               |                     |
       +------------------- control -------------------+                     |
       +----------- MessagePack-RPC, arrays in shared memory, output --------+

A forker is small and has one thread. A warm template is a forker too, which runs as a worker and has
imported what its workers need. A keeper owns one worker: bounds, end of all that descends from it, a
last word about how it ended. It ends its worker when the daemon goes. ``forker``, ``keeper`` and
``child`` run outside the daemon and import the standard library, and ``child`` also msgpack.
"""
