"""The completion of fish, written from the parsers."""

from labd.cli import tree
from labd.cli.shells.quoting import quoted
from labd.cli.tree import Command, Option, Value

_HEAD = """# fish completion for labctl; made by `labctl completion fish`
function __labctl_ask
    set -l where
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if contains -- $words[$i] -H --host --socket
            set -a where $words[$i] $words[(math $i + 1)]
        end
    end
    labctl $where __complete $argv 2>/dev/null
end"""


def script() -> str:
    """The script for fish."""
    lines = [_HEAD]
    lines += [_option("__fish_use_subcommand", option) for option in tree.root_options()]
    for command in tree.commands():
        lines.append(
            f"complete -c labctl -f -n __fish_use_subcommand -a {command.name} -d {quoted(command.help)}"
        )
        seen = quoted(f"__fish_seen_subcommand_from {command.name}")
        lines += [_option(seen, option) for option in command.options]
        if command.second:
            lines += _two(command)
        elif command.argument and (offer := _offer(command.argument)):
            lines.append(f"complete -c labctl -n {seen} {offer}")
    return "\n".join([*lines, ""])


def _two(command: Command) -> list[str]:
    assert command.argument is not None
    assert command.second is not None
    seen, words = f"__fish_seen_subcommand_from {command.name}", command.argument.words
    none = quoted(f"{seen}; and not __fish_seen_subcommand_from {' '.join(words)}")
    found = [f"complete -c labctl -n {none} {_offer(command.argument)}"]
    for word in words:
        condition = quoted(f"{seen}; and __fish_seen_subcommand_from {word}")
        found.append(f"complete -c labctl -n {condition} -f -a '(__labctl_ask {command.second.ask} {word})'")
    return found


def _option(condition: str, option: Option) -> str:
    names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
    takes = ""
    if option.value:
        takes = f" -r {_offer(option.value)}".rstrip()
    return f"complete -c labctl -n {condition} {names}{takes} -d {quoted(option.help)}"


def _offer(value: Value) -> str:
    offers = {
        tree.FOLDERS: "-f -a '(__fish_complete_directories)'", tree.ANYTHING: "-f",
        tree.HOSTS: "-f -a '(__fish_print_hostnames)'",
    }  # fmt: skip
    if value.source == tree.WORDS:
        return f"-f -a {quoted(' '.join(value.words))}"
    if value.ask:
        return f"-f -a '(__labctl_ask {value.ask})'"
    return offers.get(value.source, "")
