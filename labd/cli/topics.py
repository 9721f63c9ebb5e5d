"""What ``labctl help TOPIC`` prints."""

from collections.abc import Callable

from labd.cli import exits
from labd.environment import SESSION_NAMES, SESSION_PREFIXES


def _exit_codes() -> str:
    lines = [f"  {code:>3}  {meaning}" for code, meaning in exits.TABLE.items()]
    return "\n".join(["Exit codes of labctl and labd:", "", *lines, "", _OF_JOBS])


_OF_JOBS = """submit --wait, submit --follow and wait JOB leave with the job's own exit code instead: 128 + N
after signal N, 8 when its time ran out, 1 when it was cancelled or lost. wait with several jobs
leaves with 0 when all succeeded, and with 1 otherwise."""


def _jobs() -> str:
    return """Wherever a command takes a JOB:

  12      the job with that id
  train   the newest job of that name
  tr      the start of a name, if no other name starts so
  last    the newest job"""


def _directives() -> str:
    return """A script that is submitted may carry options in the comments on its top lines:

  #!/bin/sh
  #LABD --cpus 4 --mem 16G
  #LABD --time 12h --name "night run"
  python train.py

They count as well where the script is run as in `sh FILE` or `python FILE`, up to the first line that
is neither a comment nor empty. The command line wins over them; --tag, --env, --param, --notify and --after
add up. --wait, --follow, --script, --key, --dry-run, --format, --json, --quiet and --host are for the
command line only."""


def _environment() -> str:
    names = ", ".join([*(prefix + "*" for prefix in SESSION_PREFIXES), *sorted(SESSION_NAMES)])
    return f"""A job gets the environment of whoever submits it, with PWD set to its folder, and without

  {_wrapped(names)}

--env NAME=VALUE adds one, --clean-env passes on only PATH, HOME, USER, LOGNAME, SHELL, LANG, LANGUAGE,
LC_*, TZ and TMPDIR. labd adds LABD_JOB_ID, LABD_ATTEMPT, LABD_RUN_DIR, LABD_REPORT, LABD_CPUS,
LABD_SOCKET, LABD_TOKEN and, on a machine with GPUs, CUDA_VISIBLE_DEVICES.

With -H, a job gets the environment of a login on the other machine instead.

labctl itself reads LABD_HOST, LABD_SSH, LABD_REMOTE_LABCTL, LABD_SOCKET, LABD_DEBUG,
NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM and COLUMNS."""


def _wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, 76, subsequent_indent="  ", break_on_hyphens=False)


TOPICS: dict[str, Callable[[], str]] = {
    "exit-codes": _exit_codes,
    "jobs": _jobs,
    "directives": _directives,
    "environment": _environment,
}
