"""Maps of labd on a Slurm cluster."""
