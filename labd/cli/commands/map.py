"""``labctl map``: call a function for each of many arguments, and see to a map that there is."""

import argparse
import os
import time
from typing import Any

from labd.cli import exits, mapped, mapping, output
from labd.cli.connect import Connect, Steady
from labd.cli.mapped import Bar
from labd.cli.parser import Parser, add_output, count, seconds, size
from labd.cli.refs import ref
from labd.cli.render import safe
from labd.errors import UsageError

HELP = """call a function for each of many arguments

FUNCTION is module:name, found in this folder first, or FILE.py:name (FILE.py alone: its main), whose text
goes along. Each line of --args is one call: a JSON list of arguments, an object of named ones, or any
other value as the only one. Results are printed as they come, one JSON object a line; a bar on stderr
shows how far it is. Ctrl-C leaves the map alone, and so does the end of labd.

`labctl map WORD ID` sees to a map: show, results, values (the bare results), errors, logs, wait, cancel,
or retry (make again what failed or was not made). ID is a number, a name, or last."""
USAGE = "labctl map [options] FUNCTION\n       labctl map WORD ID [options]"
EXAMPLES = [
    ("labctl map work:square --range 0-999", "work.square(0) to work.square(999)"),
    ("labctl map run.py --args jobs.ndjson --data rates.json", "main(...) of run.py for each line"),
    ("labctl map errors last", "what failed, and why"),
    ("labctl map retry 3 && labctl map results 3", "once more what failed"),
]
WORDS = ("show", "results", "values", "errors", "logs", "wait", "cancel", "retry")
PATIENCE = 60.0
"""Seconds that a submission whose answer was lost waits for the daemon before it gives up."""


def add_arguments(parser: Parser) -> None:
    parser.add_argument("what", metavar="FUNCTION", help="what to call, or what to do with a map")
    parser.add_argument("id", metavar="ID", nargs="?", help="the map that WORD is about")
    _add_calls(parser)
    _add_workers(parser)
    group = parser.add_argument_group("this command")
    group.add_argument("-d", "--detach", action="store_true", help="do not wait for results; print the id")
    group.add_argument("-f", "--follow", action="store_true", help="results, logs: also those still to come")
    group.add_argument("--timeout", metavar="SPAN", type=seconds, dest="longest", help="wait: no longer")
    add_output(parser, "print the id, and no results")


def _add_calls(parser: Parser) -> None:
    add = parser.add_argument_group("the calls").add_argument
    add(
        "--args",
        metavar="FILE",
        help="a line of JSON for each call, or FILE.csv with named columns; - is stdin",
    )
    add("--range", metavar="A-B[:STEP]", type=mapping.bounds, help="a call for each number")
    add("--kwarg", metavar="KEY=VALUE", action="append", help="an argument of every call; VALUE may be JSON")
    add(
        "--data", metavar="FILE", action="append", help="take FILE along, as it is now; also a folder, or *.x"
    )
    add("--name", metavar="NAME", help="what to call the map")
    add("--retries", metavar="N", type=int, help="make a call that failed again, N times at most")
    add("--time", metavar="SPAN", type=seconds, dest="time_limit", help="longest run of one call")
    add("--keep-arguments", action="store_true", help="put the arguments beside each result")
    add("--grouped-results", action="store_true", help="values: a result that is a list stays one line")


def _add_workers(parser: Parser) -> None:
    add = parser.add_argument_group("the workers").add_argument
    add("--at-once", metavar="N", type=count, help="workers at most (default: the cores of the machine)")
    add("--cpus", metavar="N", type=float, help="cores of each worker (1)")
    add("--mem", metavar="SIZE", type=size, dest="memory", help="memory of each, as in 8G")
    add("--gpus", metavar="N", type=int, help="GPUs of each")
    add("--engine", metavar="NAME", help="where calls are made: local (in workers here), dask, slurm, ...")
    add("--no-repeat", action="store_true", help="do not make a call again that was lost with its worker")
    add("--module", metavar="NAME", action="append", help="import it once, before workers are forked")
    add("--python", metavar="PATH", help="the interpreter (default: $VIRTUAL_ENV's, else labd's)")
    add("-r", "--requirement", metavar="FILE", action="append", help="install what FILE asks for, once")
    add("--cwd", metavar="DIR", help="where they run (default: here)")
    add("--env", metavar="NAME=VALUE", action="append", help="set a variable, or pass on NAME from here")
    add("--clean-env", action="store_true", help="pass on only PATH, HOME, LANG and their like")


def run(args: argparse.Namespace, connect: Connect) -> int:
    if args.what in WORDS:
        if args.id is None:
            raise UsageError(f"labctl map {args.what}: which map?", hint="labctl maps lists them")
        return _see_to(args, connect)
    if args.id is not None:
        raise UsageError(f"there is no argument {safe(args.id)}", hint=f"WORD is one of {', '.join(WORDS)}")
    if (args.args is None) == (args.range is None):
        raise UsageError("the arguments come from --args or from --range", hint="give one of them")
    return _submit(args, connect)


def _submit(args: argparse.Namespace, connect: Connect) -> int:
    login = None
    if connect.far is not None:
        from labd.cli.remote import login as ask

        login = ask(connect.far)
    spec = mapping.spec_of(args, os.environ, login)
    with Steady(connect, output.say, deadline=time.monotonic() + PATIENCE) as calls:
        if args.data:
            from labd import shipping

            here = os.getcwd() if login is not None else spec["cwd"]
            spec["data"] = shipping.put(calls.call, shipping.find(args.data, here))
        number = _sent(calls, spec, args)
        calls.deadline = None
        args.quiet = args.quiet or args.detach
        if args.quiet:
            return _said(calls.call("map.show", {"map": number})["map"], args, exits.OK)
        output.say(f"Map {number}.")
        return _follow(calls, number, args)


def _sent(calls: Steady, spec: dict[str, Any], args: argparse.Namespace) -> int:
    """Submit the map, with its arguments in pieces; its id."""
    pieces = mapping.parts(mapping.lines(args))
    data, more = next(pieces)
    ask = {"spec": spec, "arguments": data, "more": more, "key": os.urandom(16).hex()}
    number, at = int(calls.call("map.submit", ask)["map"]["id"]), len(data)
    try:
        for data, more in pieces:
            calls.call("map.extend", {"map": number, "at": at, "arguments": data, "more": more})
            at += len(data)
    except UsageError:
        calls.call("map.cancel", {"map": number, "reason": "its arguments are wrong"})
        raise
    return number


def _follow(calls: Steady, number: int, args: argparse.Namespace) -> int:
    bar = Bar()
    try:
        for line in mapped.stream(calls, number, "map.results", bar, wait=True):
            print(line.decode(), flush=True)
    except KeyboardInterrupt:
        bar.clear()
        output.say(f"Map {number} goes on: labctl map results {number} -f")
        return exits.INTERRUPTED
    one = mapped.wait_ended(calls, number, None, bar)
    output.say(mapped.sentence(one))
    return _code(one)


def _see_to(args: argparse.Namespace, connect: Connect) -> int:
    with Steady(connect, output.say) as calls:
        number = int(calls.call("map.show", {"map": ref(args.id)})["map"]["id"])
        if args.what in ("results", "values", "errors", "logs"):
            return _read(calls, number, args)
        if args.what in ("cancel", "retry"):
            one = calls.call(f"map.{args.what}", {"map": number})["map"]
            return _said(one, args, exits.OK)
        if args.what == "show":
            one = calls.call("map.show", {"map": number})["map"]
            return _said(one, args, exits.OK)
        one = mapped.wait_ended(calls, number, args.longest, Bar())
        late = one["state"] in ("open", "running")
        return _said(one, args, exits.TIMED_OUT if late else _code(one))


def _read(calls: Steady, number: int, args: argparse.Namespace) -> int:
    method = "map.logs" if args.what == "logs" else "map.results"
    grouped = calls.call("map.show", {"map": number})["map"]["grouped_results"] or args.grouped_results
    bar = Bar()
    for line in mapped.stream(calls, number, method, bar, wait=args.follow):
        if args.what == "values":
            output.show([*mapped.values(line, grouped)])
        elif args.what != "errors" or mapped.failed(line):
            output.show([line.decode()])
    bar.clear()
    return exits.OK


def _said(one: dict[str, Any], args: argparse.Namespace, code: int) -> int:
    if args.json:
        output.emit(map=one)
    elif args.quiet:
        output.show([str(one["id"])])
    else:
        output.show([mapped.sentence(one)])
        if trace := (one["error"] or {}).get("traceback"):
            output.show([safe(line) for line in trace.splitlines()])
    return code


def _code(one: dict[str, Any]) -> int:
    return exits.OK if one["state"] == "succeeded" else exits.FAILED
