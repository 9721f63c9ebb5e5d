"""What ``dl_jobs test`` runs."""

from labd.dljob.hello import return_args, task

__all__ = ["return_args", "task"]
