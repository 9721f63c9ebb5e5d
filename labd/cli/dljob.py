"""What ``labctl run`` and the command ``dl_jobs`` share: options, and where results go."""

import argparse
from typing import Any

from labd.cli import output
from labd.cli.parser import Parser, Words
from labd.cli.suggest import hint
from labd.dljob.helpers import truthy
from labd.errors import UsageError

FLAGS = {
    "--dev": "run here and not in labd",
    "--noisy": "say what the job does",
    "--print_logs": "print what the tasks printed, at the end",
    "--cpu_job": "use the image for the CPU, and no GPU",
}
IMAGES = {
    "--cpu_image": "image for the CPU: its address, or py27, py36, py37",
    "--gpu_image": "image for the GPU: its address, or py27_gpu, py36_gpu",
}


def add_run_options(parser: Parser) -> None:
    """The options of run and test. Each can be set in the config file, too."""
    for name, text in FLAGS.items():
        parser.add_argument(name, metavar="BOOLEAN", type=truthy, help=text)
    for name, text in IMAGES.items():
        parser.add_argument(name, metavar="IMAGE", help=text)


def add_config_options(parser: Parser) -> None:
    """The options of config."""
    parser.add_argument(
        "--force",
        metavar="BOOLEAN",
        type=truthy,
        default=False,
        help="config: write over a file that is there",
    )
    parser.add_argument("-i", "--info", action="store_true", help="config: print the settings, write nothing")


def read(parser: Parser, words: Words) -> argparse.Namespace:
    """Options may stand among the ``words``; all after ``--`` are words. Raises UsageError."""
    at = words.index("--") if "--" in words else len(words)
    args, unknown = parser.parse_known_intermixed_args(words[:at])
    if unknown:
        word = unknown[0].partition("=")[0]
        otherwise = f"see `{parser.prog} --help`; all after -- is an argument"
        raise UsageError(f"there is no option {word}", hint=hint(word, parser.options, otherwise))
    args.words = [*args.words, *words[at + 1 :]]
    return args


def options(args: argparse.Namespace, socket: str | None = None) -> Any:
    """The :class:`labd.dljob.commands.Options` in *args*."""
    from labd.dljob.commands import Options

    named = {name.lstrip("-"): getattr(args, name.lstrip("-")) for name in (*FLAGS, *IMAGES)}
    return Options(**named, socket=socket)


def config(args: argparse.Namespace, words: Words) -> int:
    """Do ``config`` with *words*. Raises LabdError."""
    from labd.dljob import commands, flatyaml, settings

    found, path = commands.config(words, args.force, args.info)
    values = settings.as_dict(found)
    if getattr(args, "json", False):
        output.emit(config=values, path=path)
    elif path:
        output.say(f"Wrote {path}.")
    else:
        output.show(flatyaml.render(values).splitlines())
    return 0
