"""``wkr-decentral-start`` and ``-make``, and the commands that control a pool."""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from wkr_serving.client import helper
from wkr_serving.client.central import WKRDecentralizeCentral, asked, tell
from wkr_serving.server.helper import show

from labd_wkr.commands.script import Script
from labd_wkr.commands.serving import alive, named, naming
from labd_wkr.loader import find


def start() -> int:
    """Hold the pool of MODULE.Class in the foreground, until told to stop."""
    target, words = named(helper.get_args_parser)
    args = helper.get_args_parser().parse_args(words)
    show(args)
    central = WKRDecentralizeCentral(find(target, os.getcwd()), args)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: central.stop())
    central.run()
    return 0


def make() -> int:
    """Print a script that starts and stops the pool of MODULE.Class."""
    target, words = named(helper.get_args_parser)
    name, words = naming(words, target)
    args = helper.get_args_parser().parse_args(words)
    ports = f"-port {args.port} -port_out {args.port_out}"
    asked = (f"decentral wait {ports}", f"decentral status {ports}", f"decentral stop -port {args.port}")
    print(Script(name, "wkr-decentral-start", target, words, *asked, os.getcwd()).text(), end="")
    return 0


def _command(parser: Callable[[], argparse.ArgumentParser], work: Callable[[Any], None]) -> int:
    args = parser().parse_args()
    try:
        work(args)
    except TimeoutError as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")
    return 0


def status() -> int:
    """Print what a pool holds."""
    return _command(helper.get_status_parser, WKRDecentralizeCentral.show_config)


def switch() -> int:
    """Give a pool other servers."""
    return _command(helper.get_switch_parser, WKRDecentralizeCentral.switch_server)


def idle() -> int:
    """End the processes of a pool."""
    return _command(helper.get_shutdown_parser, WKRDecentralizeCentral.idle)


def restart() -> int:
    """Have new processes."""
    return _command(helper.get_shutdown_parser, WKRDecentralizeCentral.restart_clients)


def terminate() -> int:
    """End a pool."""
    return _command(helper.get_shutdown_parser, WKRDecentralizeCentral.terminate)


def main(words: Sequence[str]) -> int:
    """What scripts ask: ``wait``, ``status`` and ``stop``."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("what", choices=["wait", "status", "stop"])
    parser.add_argument("-port", type=int)
    parser.add_argument("-port_out", type=int)
    parser.add_argument("-pid", type=int, default=0)
    parser.set_defaults(ip="localhost", timeout=2000)
    args = parser.parse_args(words)
    until = time.monotonic() + (60.0 if args.what == "wait" else 0.0)
    while True:
        try:
            _do(args)
            return 0
        except TimeoutError as error:
            if time.monotonic() > until or not alive(args.pid):
                print(error)
                return 1
            time.sleep(0.1)


def _do(args: argparse.Namespace) -> None:
    if args.what == "stop":
        tell(args, b"TERMINATION")
    else:
        print(json.dumps(asked(args, b"SHOW_CONFIG", None)))
