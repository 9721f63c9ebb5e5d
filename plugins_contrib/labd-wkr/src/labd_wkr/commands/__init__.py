"""The old commands."""
