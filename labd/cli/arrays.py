"""The tasks of an array, in the words of ``labctl submit``."""

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, BinaryIO

from labd.cli import upload
from labd.cli.refs import Calls
from labd.cli.render import safe
from labd.errors import UsageError

Ranges = list[list[int]]

MAX_DIGITS = 15
"""Of an index: more than any array has, and less than what cannot be sent."""


def array(text: str) -> dict[str, Any]:
    """``0-999:2,2000%8`` as the ranges and the limit that travel."""
    indices, percent, limit = text.partition("%")
    try:
        ranges = [_range(part) for part in indices.split(",")]
        return {"ranges": ranges, "limit": _limit(limit) if percent else 0}
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'"{safe(text)}" is no array, as 0-999, 1-100:5 or 3,7,9%2 (two at once) is'
        ) from None


def _range(part: str) -> list[int]:
    span, colon, step = part.partition(":")
    first, dash, last = span.partition("-")
    found = [_whole(first), _whole(last) if dash else _whole(first), _whole(step) if colon else 1]
    if found[2] < 1 or found[1] < found[0]:
        raise ValueError(part)
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > MAX_DIGITS:
        raise ValueError(text)
    return int(text)


def _limit(text: str) -> int:
    limit = _whole(text)
    if limit < 1:
        raise ValueError(text)
    return limit


def check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that contradict each other."""
    if args.each_line and args.each_json:
        raise UsageError("--each-line and --each-json are two ways to say the same", hint="take one of them")
    if args.array and (args.each_line or args.each_json):
        raise UsageError(
            "an array has its tasks from --array or from a file, not from both",
            hint="--at-once limits either",
        )
    if args.at_once is not None and not (args.array or args.each_line or args.each_json):
        raise UsageError("--at-once is for arrays", hint="with --array, --each-line or --each-json")


def spec(args: argparse.Namespace, calls: Calls) -> dict[str, Any] | None:
    """What the job has as ``array``; the lines of a file are sent ahead. Raises UsageError."""
    found: dict[str, Any] | None = args.array
    if path := args.each_line or args.each_json:
        found = _from_file(path, bool(args.each_json), calls)
    if found is not None and args.at_once is not None:
        found = {**found, "limit": args.at_once}
    return found


def _from_file(path: str, as_json: bool, calls: Calls) -> dict[str, Any]:
    try:
        with nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as file:
            lines = Lines(file)
            digest = upload.put(calls, lines)
    except OSError as error:
        raise UsageError(
            f"{path}: {os.strerror(error.errno or 0)}", hint="name a file that can be read"
        ) from None
    if not lines.count:
        raise UsageError(f"{path} has no line, and each is a task", hint="an array has one task at least")
    return {"ranges": [[0, lines.count - 1, 1]], "items": digest, "json": as_json}


class Lines:
    """The lines of *file* that are not empty, counted as they are read, each with one newline."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._file:
            kept = line.rstrip(b"\r\n")
            if kept.strip():
                self.count += 1
                yield kept + b"\n"
