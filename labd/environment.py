"""What a job inherits of its caller: the environment, less what belongs to the session alone.

Left out: ``LABD_*`` (labd sets its own), what names one terminal, one login or one service, and
``_ OLDPWD SHLVL PWD``; ``PWD`` becomes the job's folder.
"""

from collections.abc import Mapping

from labd.errors import UsageError

SESSION_NAMES = frozenset({
    "_", "OLDPWD", "PWD", "SHLVL", "COLUMNS", "LINES", "WINDOWID", "STY", "TMUX", "TMUX_PANE", "GPG_TTY",
    "INVOCATION_ID", "JOURNAL_STREAM", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    "WATCHDOG_PID", "WATCHDOG_USEC", "SYSTEMD_EXEC_PID", "MANAGERPID",
})  # fmt: skip

SESSION_PREFIXES = (
    "LABD_", "SSH_", "DBUS_", "XDG_SESSION_", "XDG_SEAT", "XDG_VTNR", "TERM_", "VTE_", "KITTY_", "KONSOLE_",
    "GNOME_TERMINAL_", "ITERM_", "WEZTERM_", "ALACRITTY_",
)  # fmt: skip

CLEAN_NAMES = frozenset({"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"})
"""What ``--clean-env`` keeps, with ``LC_*``."""


def captured(environ: Mapping[str, str], *, clean: bool = False) -> dict[str, str]:
    """The part of *environ* that a job gets."""
    keep = _in_clean if clean else _in_any
    return {name: value for name, value in environ.items() if keep(name)}


def _in_clean(name: str) -> bool:
    return name in CLEAN_NAMES or name.startswith("LC_")


def _in_any(name: str) -> bool:
    return name not in SESSION_NAMES and not name.startswith(SESSION_PREFIXES)


def with_settings(env: dict[str, str], settings: list[str], environ: Mapping[str, str]) -> dict[str, str]:
    """*env* with each ``NAME=VALUE``, or the caller's value for a bare ``NAME``. Raises UsageError."""
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name or (not equals and name not in environ):
            raise UsageError(f"--env {setting}: there is nothing to set", hint="write --env NAME=VALUE")
        env[name] = value if equals else environ[name]
    return env


def split_undecodable(env: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """What is UTF-8, and the names of what is not: only text travels."""
    good = {name: value for name, value in env.items() if is_text(name + value)}
    return good, sorted(env.keys() - good.keys())


def is_text(value: str) -> bool:
    """Whether *value* is free of the surrogates that stand for bytes which are not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
