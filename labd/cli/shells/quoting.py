"""Texts of labctl within a script."""


def quoted(text: str) -> str:
    """In single quotes, for all three shells: none of labctl's own texts ends in a backslash."""
    return "'" + text.replace("'", "'\\''") + "'"
