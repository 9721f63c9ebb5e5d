"""``dl_jobs`` on labd: the names that programs import, thin over :mod:`labd.dljob`."""
