"""The ledger of cores, memory and GPUs (pure), and the probes that fill it."""
