"""Which machine is asked, and what reaches it: ``-H``, ``--ssh`` and their variables. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from labd.errors import UsageError

USUAL = ("ssh", "-T", "-o", "ServerAliveInterval=15")
"""A network that went away is noticed after three times this many seconds."""


class Far(NamedTuple):
    """Where the daemon is: the words that start ssh, the host, labctl and the socket there."""

    host: str
    ssh: tuple[str, ...] = USUAL
    labctl: str = "labctl"
    socket: str | None = None

    def command(self, *words: str) -> list[str]:
        """What runs ``labctl WORDS`` there. *labctl* is left to the shell there, so that ``~`` works."""
        from shlex import join

        named = ("--socket", self.socket) if self.socket else ()
        return [*self.ssh, self.host, f"{self.labctl} {join((*named, *words))}"]

    def silent(self) -> "Far":
        """The same, but for failing where ssh would ask for a password."""
        usual = self.ssh[: len(USUAL)] == USUAL
        return self._replace(ssh=(*self.ssh, "-o", "BatchMode=yes")) if usual else self


def far(given: Mapping[str, Any], environ: Mapping[str, str]) -> Far | None:
    """The machine that the options *given* or the environment name, None for this one. Raises UsageError."""
    host = given["host"] if given.get("host") is not None else environ.get("LABD_HOST", "")
    if not host:
        return None
    if host.startswith("-") or not host.isprintable() or " " in host:
        raise UsageError(f"{host!r} is no host", hint="write a name that ssh knows, as in gpu1 or anna@gpu1")
    ssh = given.get("ssh") or environ.get("LABD_SSH", "")
    labctl = given.get("remote_labctl") or environ.get("LABD_REMOTE_LABCTL") or "labctl"
    return Far(host, _words(ssh) if ssh else USUAL, labctl, given.get("socket"))


def _words(ssh: str) -> tuple[str, ...]:
    from shlex import split

    try:
        return tuple(split(ssh))
    except ValueError as error:
        raise UsageError(f"--ssh {ssh}: {error}".lower(), hint="close the quotation") from error
