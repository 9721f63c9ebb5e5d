"""Did you mean: the known name that is nearest to a wrong one."""

from collections.abc import Iterable

_MEANT = {
    "--cpus": ("--cores", "-c"),
    "--mem": ("--memory",),
    "--time": ("--timeout", "--limit"),
    "status": ("list", "ps", "ls", "queue", "squeue"),
    "cancel": ("kill", "stop", "rm", "scancel"),
    "show": ("info",),
    "logs": ("tail", "log"),
    "submit": ("sbatch",),
}
"""What other programs call it."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known name closest to *word*, or an empty string when none is close."""
    from difflib import get_close_matches  # 5 ms that only a mistake pays for

    names = list(known)
    meant = [name for name, others in _MEANT.items() if word in others and name in names]
    found = meant or get_close_matches(word, names, n=1)
    return found[0] if found else ""


def hint(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """``did you mean `x`?``, or *otherwise*."""
    name = nearest(word, known)
    return f"did you mean `{name}`?" if name else otherwise
