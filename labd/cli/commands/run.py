"""``labd run``: the daemon in the foreground."""

import argparse
import gc
import os


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    commands.add_parser("run", help="run the daemon in the foreground")


def run(args: argparse.Namespace) -> int:
    """Run the daemon until it is told to stop. Raises LabdError when it cannot start."""
    gc.disable()  # nothing that a start makes is garbage; it is on again before the loop runs
    from labd.jobs.shim.spawn import start_zygote

    zygote = start_zygote()  # first of all, while this process is small and has one thread
    from labd.daemon.start import prepare, serve

    options = [*args.option, *(["plugins.strict=true"] if args.strict_plugins else [])]
    return serve(prepare(args.config, options, dict(os.environ), safe=args.safe, zygote=zygote))
