"""``labd service``: labd as a service of systemd, with the paths of this installation."""

import argparse
import difflib
import os
import shlex
from typing import Any

from labd.cli import exits, output
from labd.cli.service import place, systemd, units
from labd.errors import Conflict

HELP = "install labd as a service of systemd, remove it, or say how it stands"
USER = "labd"
UNITS = ("labd.socket", "labd.service")


def add_parser(commands: Any) -> None:
    parser = commands.add_parser("service", help=HELP, description=HELP)
    inner = parser.add_subparsers(dest="service_command", metavar="COMMAND", required=True)
    install = inner.add_parser("install", help="write the units; says what changes and what remains to do")
    install.add_argument("--multi-user", action="store_true", help="jobs run as whoever submits them")
    uninstall = inner.add_parser("uninstall", help="remove the units; jobs and their state stay")
    status = inner.add_parser("status", help="say which units are there and whether they run; 1 if not all")
    for each in (install, uninstall):
        each.add_argument("--dry-run", action="store_true", help="show what would be done")
        each.add_argument("--now", action="store_true", help="have systemd start, or stop, labd as well")
        each.add_argument("--force", action="store_true", help="also a unit that was edited by hand")
    for each in (install, uninstall, status):
        each.add_argument("--user", action="store_true", help="units of yours alone, not of the system")
        each.add_argument("--root", metavar="DIR", default="", help="below DIR, for packages and images")
        each.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run one of the three. Raises Conflict for an edited unit, LabdError when systemd refuses."""
    return {"install": install, "uninstall": uninstall, "status": status}[args.service_command](args)


def install(args: argparse.Namespace) -> int:
    folder = place.folder(args.root, user=args.user)
    command = place.command(args.config)
    new = units.wanted(command, user=args.user, multi_user=args.multi_user)
    found = place.read(folder, list(new))
    standing = units.states(found, new)
    if not args.json:
        output.show(_difference(folder, found, new))
    _respect(folder, standing, args)
    changed = [name for name, state in standing.items() if state != "current"]
    for name in [] if args.dry_run else changed:
        place.write(folder, name, new[name])
    started = args.now and not args.dry_run
    if started:
        _start(args, changed)
    return _told(args, folder, standing, changed, _remaining(args, command, started))


def uninstall(args: argparse.Namespace) -> int:
    folder = place.folder(args.root, user=args.user)
    found = {name: text for name, text in place.read(folder, units.NAMES).items() if text is not None}
    standing: dict[str, units.State] = {
        name: "outdated" if units.is_ours(text) else "edited" for name, text in found.items()
    }
    _respect(folder, standing, args)
    manager = systemd.Systemd(user=args.user)
    if args.now and not args.dry_run:
        manager.order("disable", "--now", *UNITS)
    for name in [] if args.dry_run else found:
        place.remove(folder, name)
    if args.now and not args.dry_run:
        manager.order("daemon-reload")
    left = [] if args.now else [_line(args, "disable", "--now", *UNITS), _line(args, "daemon-reload")]
    return _told(args, folder, standing, list(found), left if found else [])


def status(args: argparse.Namespace) -> int:
    folder = place.folder(args.root, user=args.user)
    found = place.read(folder, units.NAMES)
    multi_user = found[next(iter(units.MULTI_USER))] is not None
    new = units.wanted(place.command(args.config), user=args.user, multi_user=multi_user)
    standing = units.states(found, new)
    manager = systemd.Systemd(user=args.user)
    runs = {
        unit: {what: manager.state(unit, f"is-{what}") for what in ("active", "enabled")} for unit in UNITS
    }
    linger = systemd.lingers(os.getuid()) if args.user else None
    if args.json:
        output.emit(folder=folder, units=standing, systemd=runs, lingers=linger)
    else:
        output.show(_standing(folder, standing, runs, linger))
    well = set(standing.values()) == {"current"} and all(one["active"] == "active" for one in runs.values())
    return exits.OK if well else exits.FAILED


def _respect(folder: str, standing: dict[str, units.State], args: argparse.Namespace) -> None:
    edited = [os.path.join(folder, name) for name, state in standing.items() if state == "edited"]
    if edited and not args.force and not args.dry_run:
        raise Conflict(
            f"{', '.join(edited)} was edited by hand, and nothing was changed",
            hint="put your changes in a drop-in (systemctl edit labd), then --force",
        )


def _difference(folder: str, found: dict[str, str | None], new: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for name, text in new.items():
        old = found.get(name)
        path = os.path.join(folder, name)
        before = path if old is not None else os.devnull
        lines += difflib.unified_diff((old or "").splitlines(), text.splitlines(), before, path, lineterm="")
    return lines


def _start(args: argparse.Namespace, changed: list[str]) -> None:
    manager = systemd.Systemd(user=args.user)
    manager.order("daemon-reload")
    manager.order("enable", "--now", *UNITS)
    if changed:
        manager.order("restart", "labd.service")


def _line(args: argparse.Namespace, *words: str) -> str:
    return shlex.join([*systemd.Systemd(user=args.user).words, *words])


def _remaining(args: argparse.Namespace, command: list[str], started: bool) -> list[str]:
    """What is still to be done by a person, as commands where it is one."""
    left = []
    if not args.user and not args.root and not systemd.has_user(USER):
        left.append(
            f"useradd --system --user-group --home-dir /var/lib/labd --shell /usr/sbin/nologin {USER}"
        )
    if not args.user and (closed := place.unreachable(command[0])):
        left.append(f"chmod o+x {shlex.quote(closed)}   # or install labd where the user {USER} can read it")
    if args.user and not systemd.lingers(os.getuid()):
        left.append("loginctl enable-linger   # else systemd ends labd and its jobs when you log out")
    if not started and not args.root:
        left += [_line(args, "daemon-reload"), _line(args, "enable", "--now", *UNITS)]
    return left


def _told(
    args: argparse.Namespace,
    folder: str,
    standing: dict[str, units.State],
    changed: list[str],
    left: list[str],
) -> int:
    if args.json:
        output.emit(folder=folder, units=standing, changed=changed, dry_run=args.dry_run, remaining=left)
        return exits.OK
    verb = "would be " if args.dry_run else ""
    done = "removed" if args.service_command == "uninstall" else "written"
    for name in changed:
        output.say(f"{verb}{done}: {os.path.join(folder, name)}")
    if not changed:
        output.say(f"nothing to change in {folder}")
    for line in left:
        output.say(f"still to do: {line}")
    return exits.OK


def _standing(
    folder: str, standing: dict[str, units.State], runs: dict[str, dict[str, str]], linger: bool | None
) -> list[str]:
    lines = [f"{os.path.join(folder, name)}: {state}" for name, state in standing.items()]
    lines += [
        f"{unit}: {one['active'] or 'systemd does not run here'} {one['enabled']}".rstrip()
        for unit, one in runs.items()
    ]
    return lines if linger is None else [*lines, f"lingering: {'yes' if linger else 'no'}"]
