"""Where a job's script is, and what it says on its top lines."""

import argparse
import os
import sys
from typing import NamedTuple

from labd.cli import directives, output
from labd.cli.parser import Parser, Words
from labd.errors import UsageError

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
    source = shipped(args.script) if args.script is not None else named(command, args.cwd)
    typed_cwd = args.cwd
    if source is not None:
        found, late = directives.directives(source.text, source.name)
        for place in late:
            output.say(f"labctl: {place}: ignored, as it stands below the first line of code")
        args = parser.read(options, directives.apply(parser, found))
    args.script_text = source.text if source is not None and args.script is not None else None
    args.command = _runnable(command, typed_cwd, source, moved=args.cwd != typed_cwd)
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
    """The script that is the first word of *command*, or None when that is no script in reach."""
    if not command or ("/" not in command[0] and _on_path(command[0])):
        return None
    try:
        with open(os.path.join(cwd or "", command[0]), "rb") as file:
            head = file.read(HEAD)
    except OSError:  # the job may be meant to find what is not there yet
        return None
    return None if b"\0" in head else Source(command[0], head.decode(errors="replace"))


def _on_path(name: str) -> bool:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders)


def _runnable(command: Words, cwd: str | None, source: Source | None, *, moved: bool) -> Words:
    """*command* with a first word that the job will find: ``train.sh`` here is ``./train.sh``.

    Raises UsageError for a script that may not be executed: the job could only fail.
    """
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
