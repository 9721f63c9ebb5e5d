"""What looks like a slip in the words of ``labctl submit``: refused where nothing else can be meant."""

import argparse
import os
import time
from collections.abc import Iterator, Sequence

from labd.cli.connect import PATIENCE
from labd.cli.times import moment
from labd.errors import UsageError

SHELL = frozenset(" \t\n;|&<>$`*()")
"""Characters that mean something to a shell, and that programs have no names with."""

OFTEN = ("--name", "--cpus", "--mem", "--gpus", "--vram", "--time")
"""Options that people write after the command."""


def check_program(command: Sequence[str], cwd: str | None) -> None:
    """Raises UsageError when *command* is a shell line in one word."""
    if len(command) != 1 or not SHELL & set(command[0]) or _is_there(command[0], cwd):
        return
    from shlex import quote

    raise UsageError(
        f"there is no program {command[0]!r}",
        hint=f"for a shell line: labctl submit -- sh -c {quote(command[0])}",
    )


def _is_there(word: str, cwd: str | None) -> bool:
    return on_path(word) or os.path.exists(os.path.join(cwd or "", word))


def on_path(name: str) -> bool:
    """Whether a folder of $PATH has the program *name*."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders)


def notes(args: argparse.Namespace, bare: Sequence[str]) -> Iterator[str]:
    """What to say of a submission; *bare* is the command where no ``--`` stood before it."""
    yield from _misplaced(bare)
    program = args.command[0] if args.command and args.script is None else ""
    if program and "/" not in program and args.kind in (None, "command") and not on_path(program):
        yield f"{program} is not on the PATH here"
    if getattr(args, "timeout", 0.0) > PATIENCE and args.time_limit is None:
        yield "--timeout is how long labctl waits for an answer of labd; --time limits the job"
    now = time.time()
    if args.begin is not None and args.begin < now:
        yield f"--begin is past, {moment(args.begin, now)}: the job may start at once"


def _misplaced(words: Sequence[str]) -> Iterator[str]:
    own = words[: words.index("--")] if "--" in words else words
    given = {word.partition("=")[0] for word in own[1:]}
    for name in OFTEN:
        if name in given:
            yield f"{name} after the command goes to the command; put it before, or write -- to say so"
