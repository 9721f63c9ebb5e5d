"""The processes that own jobs: a small zygote, and one shim a job forked from it.

Standard library only, and nothing of labd but this package and :mod:`labd.process`: a shim lives as long
as its job, so what it imports is paid for by every running job and must survive every upgrade of labd.
"""
