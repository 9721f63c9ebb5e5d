"""The commands of labctl: names and one line each. Only the chosen one's module is imported."""

GROUPS: dict[str, dict[str, str]] = {
    "Jobs": {
        "submit": "run a command as a job",
        "run": "run the jobs that a function of your project makes",
        "status": "what runs, what waits, what the machine has",
        "show": "everything about one job",
        "top": "the machine and its jobs, live",
        "array": "how the tasks of an array stand",
        "why": "what a job waits for, and who has it",
        "logs": "the output of a job",
        "plot": "the curves that jobs report",
        "checkout": "the frozen code of a job, as a folder",
        "wait": "wait until jobs have ended",
        "cancel": "end jobs, or take them out of the queue",
        "hold": "keep jobs from starting",
        "release": "let held jobs start",
        "pause": "stop running jobs for a while",
        "resume": "let paused jobs go on",
        "requeue": "end running jobs and queue them again",
        "retry": "run ended jobs once more",
        "prio": "change the priority of jobs",
        "usage": "what was used of the machine, and how well",
    },
    "Maps": {
        "map": "call a function for each of many arguments",
        "maps": "maps, and how far they are",
    },
    "Models": {
        "model": "models that labd serves",
    },
    "The daemon": {
        "events": "what happened, and what happens",
        "notify": "where notifications can go, and a try",
        "http": "where labd answers over HTTP, and a token",
        "plugins": "what is plugged in, and how it is",
        "methods": "every method that can be called",
        "call": "call one method",
        "doctor": "check that all is well",
        "gc": "remove what is over the limits of retention",
        "shutdown": "stop the daemon; jobs go on",
    },
    "This program": {
        "completion": "print the completion script of a shell",
        "help": "explain a command or a topic",
        "man": "show or write manual pages",
    },
}

MODULES = {"run": "run_method"}
"""Modules that are not called as their command: labd has a command of that name, too."""

COMMANDS: dict[str, str] = {name: line for group in GROUPS.values() for name, line in group.items()}

ENTRY_POINTS = "labd.cli"
"""Other distributions add commands here: a module with HELP, add_arguments(parser), run(args, connect)."""


def overview(extra: dict[str, str]) -> str:
    """The list of commands for ``labctl --help``; *extra* are those that other distributions add."""
    groups = {**GROUPS, "Plugins": extra} if extra else GROUPS
    parts = [f"{title}:\n" + "\n".join(map(_line, names.items())) for title, names in groups.items()]
    return "\n\n".join(parts)


def _line(entry: tuple[str, str]) -> str:
    return f"  {entry[0]:<11} {entry[1]}".rstrip()
