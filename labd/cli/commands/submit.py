"""``labctl submit``: hand a command over, and get its id."""

import argparse
import os
import time
from typing import Any

from labd.cli import arrays, detail, exits, output, source, view, watch
from labd.cli.after import after, resolved
from labd.cli.begin import begin
from labd.cli.connect import Connect, Steady
from labd.cli.notify import notify
from labd.cli.options import add_format
from labd.cli.parser import Parser, add_output, count, gpus, priority, seconds, size
from labd.cli.refs import title
from labd.cli.render import safe
from labd.cli.spec import spec_of
from labd.cli.times import ago, clock
from labd.errors import UsageError

HELP = """run a command as a job

Options stand before the command; from the first word that is no option on, everything belongs to the
command (-- may stand between). The job gets this folder and this environment, less what belongs to
the session (LABD_*, SSH_*, DBUS_*, XDG_SESSION_*, terminal names). A script may carry options on its
first lines, as in `#LABD --cpus 2`; the command line wins over them.

With -H the job gets the folder and the environment of a login there: --cwd counts from there, nothing
of this machine goes along but what --env names, and --script ships a text from here."""
USAGE = "labctl submit [options] COMMAND [ARG ...]"
EXAMPLES = [
    ("labctl submit --cpus 2 --mem 8G python train.py --lr 0.1", "two cores, eight gigabytes"),
    ("labctl submit --after 12 --time 12h --retries 2 ./train.sh", "after job 12; three runs at most"),
    ("labctl submit --array 0-99%4 ./run.sh {index}", "a hundred tasks, four at once"),
    ("labctl submit --script - --follow < steps.sh", "ship the text, and see the output"),
]
PATIENCE = 60.0
"""Seconds that a submission whose answer was lost waits for the daemon before it gives up."""

read = source.read


def add_arguments(parser: Parser) -> None:
    _add_job(parser)
    _add_array(parser)
    _add_resources(parser)
    _add_policy(parser)
    group = parser.add_argument_group("this submission")
    group.add_argument("--key", metavar="KEY", help="submit once only: the same key gives the same job again")
    group.add_argument("--wait", action="store_true", help="wait for the end; leave with the job's exit code")
    group.add_argument("-f", "--follow", action="store_true", help="--wait, and show the output meanwhile")
    group.add_argument("--dry-run", action="store_true", help="check and show the job, but do not submit it")
    add_output(parser, "print the id only")
    add_format(parser)


def _add_job(parser: Parser) -> None:
    group = parser.add_argument_group("the job")
    add = group.add_argument
    add("--name", metavar="NAME", help="what to call it (default: from the command)")
    add("--script", metavar="FILE", help="ship the text of FILE (- is stdin); COMMAND is its arguments")
    add("--cwd", metavar="DIR", help="where it runs (default: here; with -H: the home there)")
    add("--env", metavar="NAME=VALUE", action="append", help="set a variable, or pass on NAME from here")
    add("--clean-env", action="store_true", help="pass on only PATH, HOME, LANG and their like")
    add("--kind", metavar="KIND", help="a kind of job that a plugin offers")
    add("--param", metavar="KEY=VALUE", action="append", help="a parameter of the kind; VALUE may be JSON")
    add(
        "--snapshot", metavar="DIR", nargs="?", const="",
        help="run in a copy of the git tree around here (or --snapshot=DIR) as it is now",
    )  # fmt: skip
    add("--no-snapshot", action="store_const", const=False, dest="snapshot", help="even if --group would")
    add("--tag", metavar="TAG", action="append", help="a label; may be given several times")


def _add_array(parser: Parser) -> None:
    add = parser.add_argument_group("many of a kind").add_argument
    add("--array", metavar="RANGES", type=arrays.array, help="a task for each index, as in 0-99, 1-9:2,20%%4")
    add("--each-line", metavar="FILE", help="a task for each line of FILE (- is stdin); {task} is the line")
    add("--each-json", metavar="FILE", help="the same with JSON objects; {task.NAME} is a value of one")
    add("--at-once", metavar="N", type=count, help="run N tasks at once at most")


def _add_resources(parser: Parser) -> None:
    add = parser.add_argument_group("what it takes").add_argument
    add("--cpus", metavar="N", type=float, help="cores, fractions allowed")
    add("--mem", metavar="SIZE", type=size, dest="memory", help="memory, as in 8G or 512M")
    add("--gpus", metavar="N", type=gpus, help="how many GPUs, or a part of one, as in 0.25")
    add("--gpu-ids", metavar="I,J", type=_indices, help="which GPUs")
    add("--vram", metavar="SIZE", type=size, help="memory of each GPU, which others may share")


def _add_policy(parser: Parser) -> None:
    add = parser.add_argument_group("when and how long").add_argument
    add("--time", metavar="SPAN", type=seconds, dest="time_limit", help="longest run, as in 1h30m")
    add("--grace", metavar="SPAN", type=seconds, help="from SIGTERM to SIGKILL")
    add("--retries", metavar="N", type=int, help="run again after a failure, N times at most")
    add("--retry-delay", metavar="SPAN", type=seconds, help="wait before running again")
    add("--retry-on", metavar="CODE,...", type=_codes, help="only after these exit codes, as in 75,137")
    add("--priority", metavar="N", type=priority, help="higher ones start first (default 0)")
    add("--begin", metavar="WHEN", type=begin, help="not before 2030-01-31T08:00, 18:30 or +2h")
    add(
        "--after", metavar="JOB[:WHEN]", type=after, action="extend",
        help="after JOB succeeded (ok), ended (any) or failed; a list, as in 12,13:any",
    )  # fmt: skip
    add("--group", metavar="NAME", type=_group, help="what it belongs to, with others of that name")
    add("--preemptible", action="store_true", help="give way to jobs of higher priority: end, and run again")
    add(
        "--notify", metavar="[WHEN:]TARGET", type=notify, action="append",
        help="tell TARGET when it has ended, or failed, succeeded, started; see `labctl notify`",
    )  # fmt: skip
    add("--hold", action="store_true", help="not before `labctl release`")


def run(args: argparse.Namespace, connect: Connect) -> int:
    _check(args)
    spec = spec_of(args, os.environ, _login(connect))
    key = args.key or (None if args.dry_run else os.urandom(16).hex())
    with Steady(connect, output.say, deadline=time.monotonic() + PATIENCE) as calls:
        if (array := arrays.spec(args, calls)) is not None:
            spec["array"] = array
        if args.after:
            spec["after"] = resolved(calls, args.after)
        _freeze(args, calls, spec)
        calls.deadline = time.monotonic() + PATIENCE
        reply = calls.call("job.submit", {"spec": spec, "key": key, "dry_run": args.dry_run})
        calls.deadline = None
        if args.dry_run or not (args.wait or args.follow):
            _print(args, reply)
            _tell_end(args, reply)
            return exits.OK
        return _stay(args, calls, reply)


def _login(connect: Connect) -> dict[str, Any] | None:
    """Folder and environment of a login on the other machine; None for this one."""
    if connect.far is None:
        return None
    from labd.cli.remote import login

    return login(connect.far)


def _check(args: argparse.Namespace) -> None:
    if not args.command and args.script is None and args.kind in (None, "command"):
        raise UsageError("there is nothing to run", hint="labctl submit [options] COMMAND [ARG ...]")
    if args.follow and (args.json or args.format):
        other = "--json" if args.json else "--format"
        raise UsageError(
            f"--follow prints the job's output, so there is no place for {other}", hint=f"use --wait {other}"
        )
    arrays.check(args)
    if args.follow and (args.array or args.each_line or args.each_json):
        raise UsageError("the tasks of an array have an output each", hint="use --wait, and labctl logs")


def _freeze(args: argparse.Namespace, calls: Steady, spec: dict[str, Any]) -> None:
    """Freeze the code where that is asked for, or usual for the group."""
    if args.snapshot or args.snapshot == "" or (args.snapshot is None and args.group):
        from labd.cli.freeze import freeze  # git, hashing and JSON cost time that others need not spend

        freeze(args, calls, spec)


def _print(args: argparse.Namespace, reply: dict[str, Any]) -> None:
    job = reply["job"]
    if args.json:
        output.emit(**reply)
    elif args.dry_run:
        output.show(detail.described(reply["spec"], output.screen(), time.time()))
        output.say("Nothing is submitted.")
    elif args.format:
        output.show([*args.format.lines([job])])
    elif args.quiet:
        output.show([str(job["id"])])
    else:
        output.show([_sentence(job, reply["created"])])


def _tell_end(args: argparse.Namespace, reply: dict[str, Any]) -> None:
    """A job may end as it is submitted, as when what it comes after has failed."""
    job = reply["job"]
    if reply["created"] and not (args.json or args.format) and job["state"] in view.ENDED:
        output.say(f"{title(job).capitalize()} ended at once: {view.outcome(job)}.")


def _sentence(job: dict[str, Any], created: bool) -> str:
    name = safe(title(job))
    if not created:
        return f"{name.capitalize()} was submitted with this key before."
    begins, now = job.get("begin"), time.time()
    count = sum(job["tasks"].values()) if job.get("tasks") else 0
    tasks = "" if not count else ", 1 task" if count == 1 else f", {count} tasks"
    return (
        f"Submitted {name}{tasks}{f', to begin at {_when(begins, now)}' if begins and begins > now else ''}."
    )


def _when(then: float, now: float) -> str:
    """``18:00 (in 3h02m)``, with the date where it is another day."""
    day, minute = clock(then)[:10], clock(then)[11:16]
    return f"{minute if day == clock(now)[:10] else f'{day} {minute}'} ({ago(then, now)})"


def _stay(args: argparse.Namespace, calls: Steady, reply: dict[str, Any]) -> int:
    """Wait for the job's end and leave with its exit code."""
    job = reply["job"]
    if args.follow:
        output.say(_sentence(job, reply["created"]))
    elif not (args.json or args.format):
        _print(args, reply)
    try:
        ended = watch.follow_job(calls, job["id"]) if args.follow else watch.wait_ended(calls, [job["id"]])[0]
    except KeyboardInterrupt:
        return watch.stopped(f"{title(job)} goes on; `labctl cancel {job['id']}` ends it")
    if args.json:
        output.emit(**{**reply, "job": ended})
    elif args.format:
        output.show([*args.format.lines([ended])])
    elif not args.quiet:
        output.say(f"{title(job).capitalize()} {view.outcome(ended)}.")
    return exits.of_job(ended)


def _codes(text: str) -> list[int]:
    codes = [int(part) for part in text.split(",") if part.isascii() and part.isdecimal()]
    if len(codes) < text.count(",") + 1 or not all(1 <= code <= 255 for code in codes):
        raise argparse.ArgumentTypeError(f'"{text}" is no list of exit codes from 1 to 255, as 75,137 is')
    return codes


def _group(text: str) -> str:
    if not text or not text.isprintable():
        raise argparse.ArgumentTypeError(f'"{safe(text)}" is no name of a group, as sweep-3 is')
    return text


def _indices(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f'"{text}" is no list of GPU numbers, as 0,1 is') from None
