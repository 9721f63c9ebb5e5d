"""Fan-out: one function over many arguments, in warm workers, every result recorded exactly once.

Nothing is imported here: labd imports :mod:`labd.plugins.fanout.plugin`, workers :mod:`.child`, which may
run in an interpreter that has nothing but the standard library.
"""
