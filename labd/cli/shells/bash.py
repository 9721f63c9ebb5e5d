"""The completion of bash, written from the parsers."""

from labd.cli import tree
from labd.cli.tree import Command, Option, Value

_HEAD = """# bash completion for labctl; made by `labctl completion bash`
_labctl_words() {
    # not compgen -W: that would run what stands in a word
    local word
    while IFS= read -r word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

_labctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd='' first='' arguments=0 i
    local -a ask=()
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -H|--host|--socket)
                ask+=("${COMP_WORDS[i]}" "${COMP_WORDS[i+1]}"); ((i++)) ;;
            VALUED) ((i++)) ;;
            -*) ;;
            *) if [[ -z $cmd ]]; then cmd=${COMP_WORDS[i]}
               else first=${first:-${COMP_WORDS[i]}}; ((arguments++)); fi ;;
        esac
    done
"""


def script() -> str:
    """The script for bash 4 and later."""
    found = tree.commands()
    valued = sorted({name for c in found for o in c.options if o.value for name in o.names})
    lines = [_HEAD.replace("VALUED", "|".join(valued)), "    case $cmd:$prev in"]
    lines += [line for c in found for o in c.options if (line := _value(c, o))]
    start = [*_names(tree.root_options()), *(c.name for c in found)]
    lines += ["    esac", "    case $cmd in", _case("''", start)]
    lines += [_command(c) for c in found]
    return "\n".join([*lines, "    esac", "}", "complete -o default -F _labctl labctl", ""])


def _value(command: Command, option: Option) -> str:
    if option.value is None:
        return ""
    pattern = "|".join(f"{command.name}:{name}" for name in option.names)
    return f"        {pattern}) {_offer(option.value)}return ;;"


def _offer(value: Value) -> str:
    if value.source == tree.WORDS:
        return f"_labctl_words <<< {_list(value.words)}; "
    if value.ask:
        return _ask(value.ask)
    if value.source == tree.HOSTS:
        return 'mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur"); '
    if value.source == tree.FOLDERS:
        return 'mapfile -t COMPREPLY < <(compgen -d -- "$cur"); '
    if value.source == tree.PROGRAM:
        return 'mapfile -t COMPREPLY < <(compgen -c -f -- "$cur"); '
    return ""


def _ask(what: str) -> str:
    return f'_labctl_words < <(labctl "${{ask[@]}}" __complete {what} 2>/dev/null); '


def _list(words: tuple[str, ...] | list[str]) -> str:
    return "$'" + "\\n".join(words) + "'"


def _case(pattern: str, words: list[str]) -> str:
    return f"        {pattern}) _labctl_words <<< {_list(words)} ;;"


def _command(command: Command) -> str:
    """Options after a dash, else the argument; after the first word of submit all belongs to the job."""
    offer = _offer(command.argument) if command.argument else ""
    if command.skip:
        offer = f"if ((arguments >= {command.skip})); then {offer}fi; "
    if command.second:
        second = _ask(f'{command.second.ask} "$first"')
        offer = f"case $arguments in 0) {offer};; 1) {second};; esac; "
    inside = "        if ((arguments)); then return; fi\n    " if command.name == "submit" else ""
    options = f"_labctl_words <<< {_list(_names(command.options))}"
    body = f"        if [[ $cur == -* ]]; then {options}; else {offer}:; fi"
    return f"        {command.name})\n    {inside}    {body} ;;"


def _names(options: tuple[Option, ...]) -> list[str]:
    return [name for option in options for name in option.names]
