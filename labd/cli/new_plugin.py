"""``labd plugins new NAME``: a copy of the template, under a name of its own."""

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from labd.cli import exits, output
from labd.cli.names import COMMANDS, ENTRY_POINTS
from labd.errors import Conflict, InternalError, UsageError

PACKAGE = Path(__file__).parents[1]

PLACES = (PACKAGE / "plugin_template", PACKAGE.parent / "plugins_contrib" / "template")
"""Where the template is: in an installed labd, and in a checkout of it."""

WORD, MODULE = "template", "labd_template"
"""How the template calls itself; it says these words nowhere else."""

_SKIPPED = re.compile(r"(__pycache__|\.\w+_cache|\.venv|.*\.egg-info|build|dist)$")


def run(args: argparse.Namespace) -> int:
    """Make the folder, or with ``--dry-run`` only say what would be made. Raises UsageError, Conflict."""
    check_name(args.name)
    refuse_taken(args.name)
    folder = Path(args.into, f"labd-{args.name}")
    if folder.exists() or folder.is_symlink():
        raise Conflict(f"{folder} is there already", hint="remove it, or choose another name or --into")
    files = rendered(template(), args.name)
    if not args.dry_run:
        _write(folder, files)
    _tell(args, folder, files)
    return exits.OK


def check_name(name: str) -> None:
    """Raise UsageError for what cannot be a plugin, a distribution and a module at once."""
    from labd.daemon import plugin_check

    try:
        plugin_check.check_name(name)
    except ValueError as error:
        raise UsageError(str(error), hint="such as: labd plugins new my-thing") from None
    if not re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*", name):  # PEP 508, and one way only to write it
        raise UsageError(
            f"{name!r} is no name for a distribution: - and _ stand alone, between letters or digits",
            hint=f"such as: labd plugins new {re.sub('[-_]+', '-', name).strip('-')}",
        )


def refuse_taken(name: str) -> None:
    """Raise Conflict when something that is installed goes by that name."""
    from importlib.metadata import distributions, entry_points

    from labd.daemon import plugins

    taken = [(found.name, "plugin", found.distribution) for found in plugins.find()]
    taken += [
        (entry.name, "command of labctl", entry.dist.name if entry.dist else entry.value)
        for entry in entry_points(group=ENTRY_POINTS)
    ]
    for other, what, owner in taken:
        if _folded(other) == _folded(name):
            raise Conflict(f"there is a {what} {other!r} already, of {owner}", hint="choose another name")
    if name in COMMANDS:
        raise Conflict(f"labctl has a command {name!r} of its own", hint="choose another name")
    if _folded(f"labd-{name}") in {_folded(found.name or "") for found in distributions()}:
        raise Conflict(f"a distribution labd-{name} is installed already", hint="choose another name")


def template() -> Path:
    """The folder that is copied. Raises InternalError where an installation lacks it."""
    for place in PLACES:
        if place.is_dir():
            return place
    raise InternalError(f"the template is in none of {', '.join(map(str, PLACES))}", hint="install labd anew")


def rendered(source: Path, name: str) -> dict[str, str]:
    """The text of every file by its path, with *name* in place of the template's own."""
    return {
        _renamed(path, name): _renamed(Path(source, path).read_text("utf-8"), name) for path in _files(source)
    }


def _files(source: Path) -> Iterable[str]:
    for folder, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if not _SKIPPED.match(name))
        yield from (os.path.relpath(os.path.join(folder, name), source) for name in sorted(files))


def _renamed(text: str, name: str) -> str:
    module = f"labd_{name.replace('-', '_')}"
    return text.replace(MODULE, "\0").replace(WORD, name).replace("\0", module)


def _folded(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _write(folder: Path, files: dict[str, str]) -> None:
    """All of the folder, or nothing."""
    made = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    try:
        for path, text in files.items():
            Path(made, path).parent.mkdir(parents=True, exist_ok=True)
            Path(made, path).write_text(text, "utf-8")
        made.rename(folder)
    except OSError as error:
        shutil.rmtree(made, ignore_errors=True)
        raise UsageError(
            f"{folder} cannot be made: {error.strerror}", hint="choose another --into"
        ) from error


def _tell(args: argparse.Namespace, folder: Path, files: dict[str, str]) -> None:
    steps = next_steps(folder)
    if args.json:
        output.emit(name=args.name, folder=str(folder), files=[*files], next=steps, dry_run=args.dry_run)
        return
    output.show([str(folder / path) for path in files])
    if args.dry_run:
        output.say("Nothing was made: that was a dry run.")
        return
    output.say("Next:")
    for step in steps:
        output.say(f"  {step}")


def next_steps(folder: Path) -> list[str]:
    """The commands that install it beside labd, test it, and show it in a daemon that was started anew."""
    python = _python()
    place = folder if folder.is_absolute() else f"./{folder}"
    return [
        f"{python} -m pip install -e {shlex.quote(f'{place}[test]')}",
        f"{python} -m pytest {shlex.quote(str(folder))}",
        "labctl plugins    # once labd was started anew",
    ]


def _python() -> str:
    """How labd's own Python is called from here."""
    found = shutil.which("python")
    same = found is not None and os.path.realpath(found) == os.path.realpath(sys.executable)
    return (
        "python"
        if same and os.path.dirname(found or "") == os.path.dirname(sys.executable)
        else sys.executable
    )
