"""What of serving runs in workers: the standard library, ``labd.worker``, and what models bring."""
