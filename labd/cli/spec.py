"""From the words of ``labctl submit`` to the description of a job that travels."""

import argparse
import os
from collections.abc import Mapping
from typing import Any

from labd import environment
from labd.cli import output
from labd.cli.render import safe
from labd.errors import UsageError

PLAIN = (
    "kind", "cpus", "memory", "gpus", "gpu_ids", "vram", "time_limit", "grace", "retries",
    "retry_delay", "retry_on", "priority", "begin", "group",
)  # fmt: skip
"""Fields that an option sets as it stands; one that is not given is left to the daemon's defaults."""

INTERPRETERS = frozenset(
    {"python", "bash", "sh", "dash", "zsh", "fish", "perl", "ruby", "julia", "node", "Rscript"}
)


def spec_of(
    args: argparse.Namespace, environ: Mapping[str, str], login: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The spec, as :class:`labd.api.JobSpec` has it. Raises UsageError.

    *login* is the ``cwd`` and ``env`` of a login on another machine, where the job is to run: they stand
    for those of this process.
    """
    _check_words(args.command)
    cwd = folder(args.cwd, environ) if login is None else _there(login["cwd"], args.cwd)
    inherited = environ if login is None else login["env"]
    given = {field: getattr(args, field) for field in PLAIN if getattr(args, field) is not None}
    name = args.name if args.name is not None else default_name(args.command, args.script)
    env = _environment(args, environ, environment.captured(inherited, clean=args.clean_env) | {"PWD": cwd})
    spec = {"argv": args.command, "name": name, "cwd": cwd, "env": env, **given}
    if args.script_text is not None:
        spec["script"] = args.script_text
    if args.param:
        spec["params"] = parameters(args.param)
    if args.tag:
        spec["tags"] = args.tag
    if args.preemptible:
        spec["preemptible"] = True
    if args.notify:
        spec["notify"] = args.notify
    if args.hold:
        spec["hold"] = True
    return spec


def folder(given: str | None, environ: Mapping[str, str]) -> str:
    """Where the job runs: *given*, or here, by the name the shell has for it where that is true."""
    if given is not None:
        return os.path.abspath(given)
    here = os.getcwd()
    named = environ.get("PWD", "")
    same = named.startswith("/") and os.path.realpath(named) == os.path.realpath(here)
    return named if same else here


def _check_words(words: list[str]) -> None:
    for word in words:
        if not environment.is_text(word):
            raise UsageError(f"{safe(word)!r} is not UTF-8", hint="put the command into a script")


def _there(home: str, given: str | None) -> str:
    return os.path.normpath(os.path.join(home, given or ""))


def _environment(
    args: argparse.Namespace, environ: Mapping[str, str], inherited: dict[str, str]
) -> dict[str, str]:
    env, dropped = environment.split_undecodable(
        environment.with_settings(inherited, args.env or [], environ)
    )
    if dropped:
        output.say(f"labctl: left out of the job's environment, not UTF-8: {', '.join(dropped)}")
    return env


def default_name(argv: list[str], script: str | None) -> str:
    """What a job is called when nobody says: ``train`` for ``python train.py --lr 0.1``."""
    word = script if script not in (None, "-") else _program(argv)
    stem = os.path.splitext(os.path.basename(word or ""))[0]
    return safe(stem)[:200]


def _program(argv: list[str]) -> str:
    """The word of *argv* that says best what runs: not the interpreter, but its script or module."""
    first = os.path.basename(argv[0]) if argv else ""
    if first.rstrip("0123456789.") not in INTERPRETERS or "-c" in argv:
        return first
    return next((word for word in argv[1:] if not word.startswith("-")), first)


def parameters(settings: list[str]) -> dict[str, Any]:
    """``key=value`` words as a map; a value may be JSON, else it is text. Raises UsageError."""
    import json

    found: dict[str, Any] = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not key or not equals:
            raise UsageError(f"{setting} is not KEY=VALUE")
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found
