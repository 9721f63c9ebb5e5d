"""Did you mean: the known name that is nearest to a wrong one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name closest to *word*, or an empty string when none is close."""
    from difflib import get_close_matches  # 5 ms that only a mistake pays for

    found = get_close_matches(word, list(known), n=1)
    return found[0] if found else ""


def hint(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """``did you mean `x`?``, or *otherwise*."""
    name = nearest(word, known)
    return f"did you mean `{name}`?" if name else otherwise
