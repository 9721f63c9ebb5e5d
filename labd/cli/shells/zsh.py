"""The completion of zsh, written from the parsers."""

from labd.cli import tree
from labd.cli.shells.quoting import quoted
from labd.cli.tree import Command, Option, Value

_HEAD = """#compdef labctl
# zsh completion for labctl; made by `labctl completion zsh`
_labctl_ask() {
    local -a found where
    local name
    for name in -H --host --socket; do
        [[ -n ${opt_args[$name]} ]] && where+=($name ${(Q)opt_args[$name]})
    done
    found=("${(@f)$(labctl $where __complete $@ 2>/dev/null)}")
    compadd -a found
}

_labctl() {
    local curcontext="$curcontext" state line
    local -a commands
"""


def script() -> str:
    """The script for zsh; its file is called ``_labctl``."""
    found = tree.commands()
    lines = [_HEAD + "    commands=("]
    lines += [f"        {quoted(f'{c.name}:{c.help}')}" for c in found]
    lines += ["    )", "    _arguments -C " + _options(tree.root_options()) + " \\"]
    lines += ["        '1:command:->command' '*::argument:->argument'", "    case $state in"]
    lines += [
        "    command) _describe -t commands command commands ;;",
        "    argument)",
        "        case $words[1] in",
    ]
    lines += [_command(c) for c in found]
    return "\n".join([*lines, "        esac ;;", "    esac", "}", "", '_labctl "$@"', ""])


def _command(command: Command) -> str:
    last = "'*::command: _normal'" if command.name == "submit" else ""
    if command.argument and not last:
        before = [f"'{i + 1}: : '" for i in range(command.skip)]
        rest = quoted(f"*:{_text(command.argument.name.lower())}:{_action(command.argument)}")
        last = " ".join([*before, rest])
        if command.second:
            last = _two(command.argument, command.second)
    return f"        {command.name}) _arguments {_options(command.options)} {last} ;;"


def _two(first: Value, second: Value) -> str:
    """The first word that fits says what is asked for after it, wherever options stand."""
    known = f"$words[(r)({'|'.join(first.words)})]"
    ask = f" _labctl_ask {second.ask} {known}"
    then = quoted(f"2:{second.name.lower()}:{ask}")
    return f"{quoted(f'1:{first.name.lower()}:{_action(first)}')} {then}"


def _options(options: tuple[Option, ...]) -> str:
    return " ".join(_option(name, option) for option in options for name in option.names)


def _option(name: str, option: Option) -> str:
    equals = "=" if option.value and name.startswith("--") else ""
    text = f"{name}{equals}[{_text(option.help)}]"
    if option.value:
        text += f":{_text(option.value.name.lower())}:{_action(option.value)}"
    return quoted(text)


def _action(value: Value) -> str:
    if value.ask:
        return f" _labctl_ask {value.ask}"  # after a space, zsh adds no words of its own
    if value.source == tree.WORDS:
        return f"({' '.join(value.words)})"
    return {tree.FILES: "_files", tree.FOLDERS: "_files -/", tree.HOSTS: "_hosts"}.get(value.source, " ")


def _text(text: str) -> str:
    for char in "\\[]:":
        text = text.replace(char, "\\" + char)
    return text
