"""``wkr-serving-start``, ``-make`` and ``-terminate``."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from wkr_serving.server import helper

from labd_wkr.commands.script import Script
from labd_wkr.launch import Launch, wait_ready
from labd_wkr.talk import terminate as send_termination


def start() -> int:
    """Serve MODULE.Class in the foreground, until told to stop."""
    target, words = named(helper.get_args_parser)
    args = helper.get_args_parser().parse_args(words)
    helper.show(args)
    launch = Launch(args, os.getcwd(), target)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, launch.stop)
    return launch.run()


def make() -> int:
    """Print a script that starts and stops MODULE.Class."""
    target, words = named(helper.get_args_parser)
    name, words = naming(words, target)
    args = helper.get_args_parser().parse_args(words)
    ports = f"-port {args.port} -port_out {args.port_out}"
    asked = (f"serving wait {ports}", f"serving status {ports}", f"serving stop -port {args.port}")
    print(Script(name, "wkr-serving-start", target, words, *asked, os.getcwd()).text(), end="")
    return 0


def terminate() -> int:
    """Ask a server to stop, whether there is one or not."""
    args = helper.get_shutdown_parser().parse_args()
    send_termination(args.ip, args.port, args.timeout / 1000)
    print(f"shutdown signal sent to {args.port}")
    return 0


def named(parser: Callable[[], argparse.ArgumentParser]) -> tuple[str, list[str]]:
    """MODULE.Class, which stands first, and the flags behind it."""
    words = sys.argv[1:]
    if words and words[0].count(".") == 1 and not words[0].startswith("-"):
        return words[0], words[1:]
    if words and words[-1].count(".") == 1 and "-" not in words[-1] and len(words) > 1:
        return words[-1], words[:-1]
    if {"-h", "--help", "-version"} & set(words):
        parser().parse_args(words)
    sys.exit(
        f"{os.path.basename(sys.argv[0])}: name the class first, as MODULE.Class, for example server.Worker"
    )


def naming(words: list[str], target: str) -> tuple[str, list[str]]:
    """The name of the service, and the flags without it."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("-name", default=target.partition(".")[2])
    found, rest = parser.parse_known_args(words)
    return found.name, rest


def alive(pid: int) -> bool:
    """Whether the process *pid* runs; 0 is one that nobody asks for."""
    try:
        return not pid or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def main(words: list[str]) -> int:
    """What scripts ask: ``wait`` and ``status`` say how the server stands, ``stop`` asks it to stop."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("what", choices=["wait", "status", "stop"])
    parser.add_argument("-port", type=int)
    parser.add_argument("-port_out", type=int, default=0)
    parser.add_argument("-timeout", type=float, default=600.0)
    parser.add_argument("-pid", type=int, default=0)
    args = parser.parse_args(words)
    if args.what == "stop":
        return 0 if send_termination("localhost", args.port, 5.0) else 1
    seconds = args.timeout if args.what == "wait" else 2.0
    state, reason = wait_ready(
        "localhost", args.port, args.port_out, seconds, lambda: alive(args.pid), args.pid
    )
    print(state, reason.strip())
    return 0 if state == "ready" else 1
