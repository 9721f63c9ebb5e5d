"""Exceptions as a person reads them, and the ones that must not be swallowed."""

import trio

PASSING = (trio.Cancelled, KeyboardInterrupt)
"""What is never a fault of the code that raised it: somebody outside wants an end."""


def leaves(error: BaseException) -> list[BaseException]:
    """The plain exceptions inside *error*, however deeply grouped."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def one_line(error: BaseException) -> str:
    """*error* for a table or a status line: groups flattened, at most 500 characters."""
    texts = [_describe(leaf) for leaf in leaves(error)]
    return "; ".join(dict.fromkeys(texts))[:500]


def split(error: BaseException) -> tuple[BaseException | None, BaseException | None]:
    """``(passing, fault)``: what must go on upwards, and what the code did wrong."""
    if not isinstance(error, BaseExceptionGroup):
        return (error, None) if isinstance(error, PASSING) else (None, error)
    return error.split(PASSING)


def _describe(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # a plugin's exception may fail even at this
        text = "(its text cannot be had)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
