"""Manual pages in the language of man(7). Pure: text in, text out."""

import re
from collections.abc import Iterable

_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
"""Characters that troff would take for others, and how those are written that people may copy."""

_QUOTED = re.compile("`([^`]+)`")


def page(name: str, chapter: int, line: str, version: str, parts: Iterable[str]) -> str:
    """The page *name* of a *chapter* of the manual; *line* says what it is about."""
    head = f'.TH "{escaped(name.upper())}" "{chapter}" "" "labd {version}" "labd"'
    first = section("NAME", f"{escaped(name)} \\- {escaped(line)}")
    return "\n".join(part for part in (head, first, *parts) if part) + "\n"


def section(title: str, body: str) -> str:
    """A section, or nothing for an empty one."""
    return f'.SH "{escaped(title)}"\n{body}' if body else ""


def subsection(title: str, body: str) -> str:
    """A part of a section, or nothing for an empty one."""
    return f'.SS "{escaped(title)}"\n{body}' if body else ""


def prose(text: str) -> str:
    """Paragraphs; an empty line stands between them, and what is in backquotes is bold."""
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    return "\n.PP\n".join(map(_line, paragraphs))


def terms(found: Iterable[tuple[str, str]]) -> str:
    """A list of terms, each with what it means."""
    return "\n".join(f".TP\n{bold(term)}\n{_line(means) if means else _line(' ')}" for term, means in found)


def verbatim(lines: Iterable[str]) -> str:
    """Lines as they stand."""
    return "\n".join([".EX", *(_guarded(escaped(line)) for line in lines), ".EE"])


def indented(lines: Iterable[str]) -> str:
    """The same, as an example."""
    return f".RS 4\n{verbatim(lines)}\n.RE"


def bold(text: str) -> str:
    return rf"\fB{escaped(text)}\fP"


def escaped(text: str) -> str:
    return "".join(_SPECIAL.get(char, char) for char in text)


def _line(text: str) -> str:
    parts = _QUOTED.split(text)
    told = [bold(part) if index % 2 else escaped(part) for index, part in enumerate(parts)]
    return _guarded("".join(told))


def _guarded(line: str) -> str:
    """A line that does not begin as a request of troff does."""
    return rf"\&{line}" if line[:1] in (".", "'", "", " ") else line


def plain(text: str) -> str:
    """A page without its markup, for a machine without man(1)."""
    indented = re.sub(r"^\.TP\n(.*)\n|^\.RS 4\n\.EX\n", r"\1\n    ", text, flags=re.MULTILINE)
    lines = [_unmarked(line) for line in indented.splitlines() if not line.startswith(_SILENT)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).lstrip() + "\n"


_SILENT = (".TH", ".EX", ".EE", ".RE")
"""Requests that print nothing by themselves."""


def _unmarked(line: str) -> str:
    heading = re.fullmatch(r'\.S[HS] "(.*)"', line)
    told = f"\n{heading[1]}\n" if heading else "" if line == ".PP" else line
    for char, written in reversed(_SPECIAL.items()):
        told = told.replace(written, char)
    return re.sub(r"\\f[BP]|\\&", "", told)
