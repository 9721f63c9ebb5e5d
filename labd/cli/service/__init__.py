"""Units for systemd: what is installed, whether it may be replaced, and what systemd says of it."""
