"""``labd demo``: a sweep of real training runs under a private daemon, which is killed on the way.

It needs no server and leaves nothing behind. What it claims at the end it has checked; what was not true
it says, and then it fails.
"""
