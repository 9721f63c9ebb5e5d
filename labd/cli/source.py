"""Where a job's script is, and what it says on its top lines."""

import argparse
import os
import sys
from typing import NamedTuple

from labd.cli import directives, output
from labd.cli.far import far
from labd.cli.notes import check_program, notes, on_path
from labd.cli.parser import Parser, Words
from labd.errors import UsageError

INTERPRETERS = frozenset({"sh", "bash", "zsh", "dash", "python"})
"""Programs whose scripts have comments that begin with ``#``, as directives do."""

HEAD = 256 * 1024
"""Bytes of a program that are searched for directives."""


class Source(NamedTuple):
    name: str
    text: str


def read(parser: Parser, words: Words) -> argparse.Namespace:
    """The options and the command of ``labctl submit WORDS``, with what the script's top lines say.

    Everything from the first word that is no option on is the command. Raises UsageError.
    """
    options, command = parser.split(words)
    args = parser.read(options)
    if args.script == "-" and "-" in (args.each_line, args.each_json):
        raise UsageError("stdin cannot be both the script and the tasks", hint="put one into a file")
    if args.script is None and args.kind in (None, "command"):
        check_program(command, args.cwd)
    elsewhere = far(vars(args), os.environ)
    if elsewhere is not None:
        return _for_elsewhere(parser, options, command, args, elsewhere.host)
    source = shipped(args.script) if args.script is not None else named(command, args.cwd)
    typed_cwd = args.cwd
    if source is not None:
        args = _with_directives(parser, options, source)
    args.script_text = source.text if source is not None and args.script is not None else None
    args.command = _runnable(command, typed_cwd, source, moved=args.cwd != typed_cwd)
    if not args.json:
        dashed = len(options) + len(command) < len(words)
        for text in notes(args, () if dashed else command):
            output.say(f"labctl: note: {text}")
    return args


def _with_directives(parser: Parser, options: Words, source: Source) -> argparse.Namespace:
    """The *options*, over what the top lines of *source* say."""
    found, late = directives.directives(source.text, source.name)
    for place in late:
        output.say(f"labctl: {place}: ignored, as it stands below the first line of code")
    return parser.read(options, directives.apply(parser, found))


def _for_elsewhere(
    parser: Parser, options: Words, command: Words, args: argparse.Namespace, host: str
) -> argparse.Namespace:
    """The same for another machine: its files cannot be looked into, but a script is shipped from here."""
    source = shipped(args.script) if args.script is not None else None
    if source is not None:
        args = _with_directives(parser, options, source)
    elif not args.json and (here := named(command, None)) is not None:
        output.say(f"labctl: note: {here.name} is looked for on {host}; --script ships the one from here")
    args.script_text = None if source is None else source.text
    args.command = command
    return args


def shipped(script: str) -> Source:
    """The text of ``--script``. Raises UsageError when it cannot be read or is no text."""
    try:
        if script == "-":
            return Source("<stdin>", sys.stdin.buffer.read().decode())
        with open(script, "rb") as file:
            return Source(script, file.read().decode())
    except OSError as error:
        raise UsageError(f"--script {script}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--script {script}: not UTF-8 text", hint="submit a program by its path") from error


def named(command: Words, cwd: str | None) -> Source | None:
    """The script that *command* runs, by itself or as in ``sh FILE``; None when there is none in reach."""
    if _interpreted(command):
        return _text(command[1], cwd)
    if not command or ("/" not in command[0] and on_path(command[0])):
        return None
    return _text(command[0], cwd)


def _interpreted(command: Words) -> bool:
    """Whether the second word is what runs: an interpreter that is given no options."""
    program = os.path.basename(command[0]).rstrip("0123456789.") if command else ""
    return program in INTERPRETERS and len(command) > 1 and not command[1].startswith("-")


def _text(name: str, cwd: str | None) -> Source | None:
    try:
        with open(os.path.join(cwd or "", name), "rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):  # the job may be meant to find what is not there yet
        return None
    return None if b"\0" in head else Source(name, head.decode(errors="replace"))


def _runnable(command: Words, cwd: str | None, source: Source | None, *, moved: bool) -> Words:
    """*command* with a first word that the job will find: ``train.sh`` here is ``./train.sh``.

    Raises UsageError for a script that may not be executed: the job could only fail.
    """
    if source is not None and _interpreted(command) and source.name == command[1]:
        name = os.path.abspath(os.path.join(cwd or "", command[1])) if moved else command[1]
        return [command[0], name, *command[2:]]
    if not command or source is None or source.name != command[0]:
        return command
    path = os.path.join(cwd or "", command[0])
    if not os.access(path, os.X_OK):
        raise UsageError(
            f"{command[0]} is not executable",
            hint=f"chmod +x {command[0]}, or ship its text: labctl submit --script {command[0]}",
        )
    if moved:  # by a directive, so the word is as seen from here
        return [os.path.abspath(path), *command[1:]]
    return command if "/" in command[0] else [f"./{command[0]}", *command[1:]]
