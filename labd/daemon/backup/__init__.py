"""Backups of the state: one file that is whole or not there, and state directories made from such files."""
