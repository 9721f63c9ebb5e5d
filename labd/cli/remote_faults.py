"""What went wrong on the way to another machine, in plain words and with the next step. Pure."""

from labd.errors import ProtocolError, Unreachable

NO_ENTRY, NOT_EXECUTABLE, NO_PROGRAM, NO_DAEMON = 255, 126, 127, 3
"""Exit codes of ssh itself, of the shell there (two), and of labctl there."""

_SSH = {
    "identification has changed": ("the key of the host has changed", "ask why before you trust it"),
    "could not resolve": (
        "ssh knows no such host",
        "check the name, or give it a Host entry in ~/.ssh/config",
    ),
    "permission denied": ("the login was refused", "make `ssh {host}` work first: ssh-copy-id {host}"),
    "too many authentication": ("the login was refused", "make `ssh {host}` work first"),
    "host key verification failed": (
        "the key of the host is not known",
        "run `ssh {host}` once and look at it",
    ),
    "connection refused": ("no ssh answers there", "is sshd running, and is it that port?"),
    "timed out": ("it does not answer", "is it on, and can it be reached from here?"),
    "no route to host": ("there is no way to it", "is it on, and can it be reached from here?"),
    "network is unreachable": ("there is no network to it", "is this machine online?"),
}
"""By words that ssh says: what they mean, and what to do. The first that fits counts."""


def explained(host: str, code: int, said: str) -> Unreachable:
    """The error of a connection that ended at once: *code* is the exit code of ssh, *said* its stderr."""
    last = _last(said)
    if code == NO_PROGRAM:
        return Unreachable(
            f"{host}: there is no labctl there ({last})",
            hint="install labd there, or say where labctl is: --remote-labctl PATH",
        )
    if code == NOT_EXECUTABLE:
        return Unreachable(
            f"{host}: labctl cannot be run there ({last})", hint="--remote-labctl PATH names another"
        )
    if code == NO_ENTRY:
        return _of_ssh(host, said, last)
    return _of_labctl(host, code, last)


def _of_ssh(host: str, said: str, last: str) -> Unreachable:
    lower = said.lower()
    means, step = next(
        (_SSH[words] for words in _SSH if words in lower), ("ssh failed", "see what `ssh {host}` says")
    )
    return Unreachable(f"{host}: {means} ({last})", hint=step.format(host=host))


def _of_labctl(host: str, code: int, last: str) -> Unreachable:
    """What labctl there said of its daemon, or ended with."""
    if code == NO_DAEMON:
        return Unreachable(
            f"{host}: {last or 'no labd answers there'}",
            hint=f"start it there (systemctl start labd), or name its socket: labctl -H {host} --socket PATH",
        )
    if last:
        return Unreachable(f"{host}: {last}", hint=f"see what `ssh {host} labctl --version` says")
    return Unreachable(
        f"{host}: the connection ended at once (exit code {code})",
        hint=f"see what `ssh {host} labctl doctor` says",
    )


def _last(said: str) -> str:
    """The line that says what happened: labctl's own, else the last that is no hint."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    own = [
        line.removeprefix("labctl: ").removeprefix("cannot reach labd: ")
        for line in lines
        if line.startswith("labctl: ")
    ]
    return (own or [line for line in lines if not line.startswith("hint: ")] or [""])[-1]


def no_ssh(program: str, error: OSError) -> Unreachable:
    """The error of an ssh that could not be started."""
    return Unreachable(
        f"{program} cannot be run: {error.strerror}",
        hint="install it (on Debian: apt install openssh-client), or name another with --ssh",
    )


def noisy(host: str, error: ProtocolError) -> ProtocolError:
    """The error of a host from which other bytes came than labctl's."""
    return ProtocolError(
        f"{host}: {error.message}",
        hint=f"`ssh {host} true` must print nothing: do the start files of the shell there (.bashrc) print?",
    )
