"""``labctl completion``: the script that makes a shell complete labctl; and what it asks at run time."""

import argparse
import re
from importlib import import_module

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser
from labd.cli.refs import Calls
from labd.errors import LabdError

HELP = """print the completion script of a shell

The script is static, so completing costs no start of labctl; only names of jobs, methods and plugins
are asked of the daemon."""
EXAMPLES = [
    ("labctl completion bash > ~/.local/share/bash-completion/completions/labctl", "bash"),
    ("labctl completion zsh > ~/.zfunc/_labctl", "zsh; ~/.zfunc has to be in $fpath"),
    ("labctl completion fish > ~/.config/fish/completions/labctl.fish", "fish"),
]
PLAIN = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:@%+-]*")
NOTHING_TO_DO = {
    "enable": ("loaded", "broken"),
    "disable": ("disabled",),
    "reload": ("disabled",),
    "config": (),
    "trace": ("disabled", "failed", "incompatible"),
}
"""Of what can be done with a plugin: the states in which it is no use."""

SHELLS = ("bash", "zsh", "fish")


def add_arguments(parser: Parser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))


def run(args: argparse.Namespace, connect: Connect) -> int:
    print(import_module(f"labd.cli.shells.{args.shell}").script(), end="")
    return exits.OK


def complete(words: list[str], connect: Connect) -> int:
    """``labctl __complete jobs [STATE ...]|methods|plugins ACTION``: one candidate a line.

    Silent without a daemon.
    """
    try:
        with connect() as client:
            output.show(_candidates(words, client))
    except LabdError:
        return exits.FAILED
    return exits.OK


def _candidates(what: list[str], client: Calls) -> list[str]:
    """Names that need no quoting: the others are other people's text on its way into a shell."""
    if what[:1] == ["jobs"]:
        return _jobs(client, what[1:])
    if what == ["methods"]:
        found = [method["name"] for method in client.call("methods")["methods"]]
        return [name for name in found if PLAIN.fullmatch(name)]
    if len(what) == 2 and what[0] == "plugins":
        return _plugins(client, what[1])
    return []


def _plugins(client: Calls, action: str) -> list[str]:
    """The names of the plugins with which *action* does something."""
    if action not in NOTHING_TO_DO:
        return []
    found = client.call("plugin.list")["plugins"]
    return sorted({one["name"] for one in found if one["state"] not in NOTHING_TO_DO[action]})


def _jobs(client: Calls, states: list[str]) -> list[str]:
    """Ids and names; ``last`` only where every job fits."""
    found = client.call("job.list", {"limit": 100, **({"states": states} if states else {})})["jobs"]
    names = sorted({job["name"] for job in found if PLAIN.fullmatch(job["name"])})
    return [*([] if states else ["last"]), *(str(job["id"]) for job in found), *names]
