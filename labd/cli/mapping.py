"""From the words of ``labctl map`` to what is submitted: the spec of a map, and its lines of arguments."""

import argparse
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from labd import environment
from labd.cli.render import safe
from labd.cli.spec import folder, parameters
from labd.errors import UsageError

PART = 2**21
"""Bytes of arguments that go in one request."""

PLAIN = ("cpus", "memory", "gpus", "time_limit", "retries")
DEFAULT = "main"
"""The function of a file, where none is named."""


def bounds(text: str) -> list[int]:
    """``0-999:2`` as first, last and step."""
    found = re.fullmatch(r"(-?\d+)-(-?\d+)(?::([1-9]\d*))?", text)
    if found is None:
        raise argparse.ArgumentTypeError(f'"{safe(text)}" is no range, as 0-999 or 0-100:5 is')
    return [int(found[1]), int(found[2]), int(found[3] or 1)]


def spec_of(
    args: argparse.Namespace, environ: Mapping[str, str], login: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The spec, as the plugin has it. Raises UsageError. *login* stands for this process with ``-H``."""
    cwd = folder(args.cwd, environ) if login is None else os.path.join(login["cwd"], args.cwd or "")
    inherited = environment.captured(environ if login is None else login["env"], clean=args.clean_env)
    env = environment.with_settings(inherited | {"PWD": cwd}, args.env or [], environ)
    spec: dict[str, Any] = {"cwd": cwd, "env": environment.split_undecodable(env)[0], **_function(args.what)}
    spec |= {name: getattr(args, name) for name in PLAIN if getattr(args, name) is not None}
    named = {
        "name": args.name, "range": args.range, "concurrency": args.at_once, "modules": args.module,
        "requirements": requirements(args.requirement), "kwargs": parameters(args.kwarg or []),
        "python": args.python or _python(environ, login), "grouped_results": args.grouped_results,
        "keep_arguments": args.keep_arguments, "engine": args.engine,
    }  # fmt: skip
    spec |= {"repeat": False} if args.no_repeat else {}
    return spec | {name: value for name, value in named.items() if value}


def _function(words: str) -> dict[str, Any]:
    """``module:name`` goes as it is; of ``FILE.py`` or ``FILE.py:name`` the text goes."""
    path, colon, name = words.rpartition(":") if not words.endswith(".py") else (words, "", DEFAULT)
    if not path.endswith(".py"):
        if not colon or not path:
            raise UsageError(
                f"{safe(words)} is no function", hint="write module:function, or FILE.py:function"
            )
        return {"function": words}
    try:
        with open(path, encoding="utf-8") as file:
            return {"function": name, "source": file.read(), "path": [os.path.dirname(os.path.abspath(path))]}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{safe(path)}: {error}", hint="name a file of Python that can be read") from None


def _python(environ: Mapping[str, str], login: Mapping[str, Any] | None) -> str:
    """The interpreter of the virtual environment that is active; else labd's own."""
    active = environ.get("VIRTUAL_ENV") if login is None else None
    return os.path.join(active, "bin", "python") if active else ""


def requirements(files: list[str] | None) -> list[str]:
    """What requirement files ask for, without comments. Raises UsageError."""
    found = []
    for path in files or []:
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.partition(" #")[0].strip() for line in file]
        except OSError as error:
            raise UsageError(f"{safe(path)}: {os.strerror(error.errno or 0)}", hint="name a file") from None
        found += [line for line in lines if line and not line.startswith("#")]
    return found


def lines(args: argparse.Namespace) -> Iterator[bytes]:
    """A line of JSON for each call, from the file of ``--args``. Raises UsageError that names the line."""
    if args.args is None:
        return
    as_csv = args.args.lower().endswith(".csv")
    try:
        with nullcontext(sys.stdin.buffer) if args.args == "-" else open(args.args, "rb") as file:
            yield from _rows(args.args, file) if as_csv else _values(args.args, file)
    except OSError as error:
        raise UsageError(
            f"{safe(args.args)}: {os.strerror(error.errno or 0)}", hint="name a file that can be read"
        ) from None


def _values(path: str, file: Iterable[bytes]) -> Iterator[bytes]:
    import json

    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            json.loads(line)
        except ValueError as error:
            shown = safe(line[:60].decode(errors="replace").strip())
            raise UsageError(
                f"{safe(path)}, line {number}: no JSON: {shown!r}: {error}",
                hint="each line is one JSON value: a list of arguments, or an object of named ones",
            ) from None
        yield line.strip() + b"\n"


def _rows(path: str, file: Iterable[bytes]) -> Iterator[bytes]:
    """Each row by the names in the first; what looks like a number is one."""
    import csv
    import json

    try:
        rows = csv.DictReader((line.decode("utf-8-sig") for line in file), strict=True)
        for row in rows:
            if None in row or None in row.values():
                raise UsageError(
                    f"{safe(path)}, line {rows.line_num}: not as many fields as the first line has names"
                )
            yield json.dumps({name: _value(text) for name, text in row.items()}).encode() + b"\n"
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{safe(path)}, line {rows.line_num}: {error}", hint="is it CSV in UTF-8?") from None


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        return number if number == number and abs(number) != float("inf") else text
    return text


def parts(found: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines in pieces that fit into a request, and whether there are more."""
    data = bytearray()
    for line in found:
        if data and len(data) + len(line) > PART:
            yield bytes(data), True
            data.clear()
        data += line
    yield bytes(data), False
