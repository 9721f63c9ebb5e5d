"""What pages show, as lines: pure functions of the store, the size and the time."""
