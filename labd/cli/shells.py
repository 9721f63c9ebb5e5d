"""Completion scripts, written from the parsers. They run labctl only to ask for jobs and methods."""

from labd.cli import tree
from labd.cli.tree import Command, Option, Value

_BASH_HEAD = """# bash completion for labctl; made by `labctl completion bash`
_labctl_words() {
    # not compgen -W: that would run what stands in a word
    local word
    while IFS= read -r word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_labctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd='' arguments=0 i
    local -a ask=()
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -H|--host|--socket)
                ask+=("${COMP_WORDS[i]}" "${COMP_WORDS[i+1]}"); ((i++)) ;;
            VALUED) ((i++)) ;;
            -*) ;;
            *) if [[ -z $cmd ]]; then cmd=${COMP_WORDS[i]}; else ((arguments++)); fi ;;
        esac
    done
"""


def bash() -> str:
    """The script for bash 4 and later."""
    found = tree.commands()
    valued = sorted({name for c in found for o in c.options if o.value for name in o.names})
    lines = [_BASH_HEAD.replace("VALUED", "|".join(valued)), "    case $cmd:$prev in"]
    lines += [line for c in found for o in c.options if (line := _bash_value(c, o))]
    start = [*_names(tree.root_options()), *(c.name for c in found)]
    lines += ["    esac", "    case $cmd in", _bash_case("''", start)]
    lines += [_bash_command(c) for c in found]
    return "\n".join([*lines, "    esac", "}", "complete -o default -F _labctl labctl", ""])


def _bash_value(command: Command, option: Option) -> str:
    if option.value is None:
        return ""
    pattern = "|".join(f"{command.name}:{name}" for name in option.names)
    return f"        {pattern}) {_bash_offer(option.value)}return ;;"


def _bash_offer(value: Value) -> str:
    if value.source == tree.WORDS:
        return f"_labctl_words <<< {_bash_list(value.words)}; "
    if value.ask:
        return f'_labctl_words < <(labctl "${{ask[@]}}" __complete {value.ask} 2>/dev/null); '
    if value.source == tree.HOSTS:
        return 'mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur"); '
    if value.source == tree.FOLDERS:
        return 'mapfile -t COMPREPLY < <(compgen -d -- "$cur"); '
    if value.source == tree.PROGRAM:
        return 'mapfile -t COMPREPLY < <(compgen -c -f -- "$cur"); '
    return ""


def _bash_list(words: tuple[str, ...] | list[str]) -> str:
    return "$'" + "\\n".join(words) + "'"


def _bash_case(pattern: str, words: list[str]) -> str:
    return f"        {pattern}) _labctl_words <<< {_bash_list(words)} ;;"


def _bash_command(command: Command) -> str:
    """Options after a dash, else the argument; after the first word of submit all belongs to the job."""
    offer = _bash_offer(command.argument) if command.argument else ""
    if command.skip:
        offer = f"if ((arguments >= {command.skip})); then {offer}fi; "
    inside = "        if ((arguments)); then return; fi\n    " if command.name == "submit" else ""
    options = f"_labctl_words <<< {_bash_list(_names(command.options))}"
    body = f"        if [[ $cur == -* ]]; then {options}; else {offer}:; fi"
    return f"        {command.name})\n    {inside}    {body} ;;"


def _names(options: tuple[Option, ...]) -> list[str]:
    return [name for option in options for name in option.names]


_ZSH_HEAD = """#compdef labctl
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


def zsh() -> str:
    """The script for zsh; its file is called ``_labctl``."""
    found = tree.commands()
    lines = [_ZSH_HEAD + "    commands=("]
    lines += [f"        {_quoted(f'{c.name}:{c.help}')}" for c in found]
    lines += ["    )", "    _arguments -C " + _zsh_options(tree.root_options()) + " \\"]
    lines += ["        '1:command:->command' '*::argument:->argument'", "    case $state in"]
    lines += [
        "    command) _describe -t commands command commands ;;",
        "    argument)",
        "        case $words[1] in",
    ]
    lines += [_zsh_command(c) for c in found]
    return "\n".join([*lines, "        esac ;;", "    esac", "}", "", '_labctl "$@"', ""])


def _zsh_command(command: Command) -> str:
    last = "'*::command: _normal'" if command.name == "submit" else ""
    if command.argument and not last:
        before = [f"'{i + 1}: : '" for i in range(command.skip)]
        rest = _quoted(f"*:{_zsh_text(command.argument.name.lower())}:{_zsh_action(command.argument)}")
        last = " ".join([*before, rest])
    return f"        {command.name}) _arguments {_zsh_options(command.options)} {last} ;;"


def _zsh_options(options: tuple[Option, ...]) -> str:
    return " ".join(_zsh_option(name, option) for option in options for name in option.names)


def _zsh_option(name: str, option: Option) -> str:
    equals = "=" if option.value and name.startswith("--") else ""
    text = f"{name}{equals}[{_zsh_text(option.help)}]"
    if option.value:
        text += f":{_zsh_text(option.value.name.lower())}:{_zsh_action(option.value)}"
    return _quoted(text)


def _zsh_action(value: Value) -> str:
    if value.ask:
        return f" _labctl_ask {value.ask}"  # after a space, zsh adds no words of its own
    if value.source == tree.WORDS:
        return f"({' '.join(value.words)})"
    return {tree.FILES: "_files", tree.FOLDERS: "_files -/", tree.HOSTS: "_hosts"}.get(value.source, " ")


def _zsh_text(text: str) -> str:
    for char in "\\[]:":
        text = text.replace(char, "\\" + char)
    return text


_FISH_HEAD = """# fish completion for labctl; made by `labctl completion fish`
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


def fish() -> str:
    """The script for fish."""
    lines = [_FISH_HEAD]
    lines += [_fish("__fish_use_subcommand", option) for option in tree.root_options()]
    for command in tree.commands():
        lines.append(
            f"complete -c labctl -f -n __fish_use_subcommand -a {command.name} -d {_quoted(command.help)}"
        )
        seen = _quoted(f"__fish_seen_subcommand_from {command.name}")
        lines += [_fish(seen, option) for option in command.options]
        if command.argument and (offer := _fish_offer(command.argument)):
            lines.append(f"complete -c labctl -n {seen} {offer}")
    return "\n".join([*lines, ""])


def _fish(condition: str, option: Option) -> str:
    names = " ".join(f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names)
    takes = ""
    if option.value:
        takes = f" -r {_fish_offer(option.value)}".rstrip()
    return f"complete -c labctl -n {condition} {names}{takes} -d {_quoted(option.help)}"


def _fish_offer(value: Value) -> str:
    offers = {
        tree.FOLDERS: "-f -a '(__fish_complete_directories)'", tree.ANYTHING: "-f",
        tree.HOSTS: "-f -a '(__fish_print_hostnames)'",
    }  # fmt: skip
    if value.source == tree.WORDS:
        return f"-f -a {_quoted(' '.join(value.words))}"
    if value.ask:
        return f"-f -a '(__labctl_ask {value.ask})'"
    return offers.get(value.source, "")


def _quoted(text: str) -> str:
    """In single quotes, for all three shells: none of labctl's own texts ends in a backslash."""
    return "'" + text.replace("'", "'\\''") + "'"
