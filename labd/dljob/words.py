"""The words of a command line: which are arguments, which are keywords. Pure."""

from typing import Any, NamedTuple


class Words(NamedTuple):
    """Arguments and keywords; from a command line all values are text."""

    args: list[Any]
    kwargs: dict[str, Any]


def split(words: list[str]) -> Words:
    """A word ``name=value`` is a keyword, up to its first ``=``; without a proper name it is an argument."""
    found = Words([], {})
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name.isidentifier():
            found.kwargs[name] = value
        else:
            found.args.append(word)
    return found
