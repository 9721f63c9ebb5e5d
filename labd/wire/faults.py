"""The errors of a client that has no connection, or lost it: one wording for all drivers."""

from labd.errors import DeadlineExceeded, LabdError, Unreachable

START_HINT = "start it with `labd run` or `systemctl start labd`, or name its socket with --socket PATH"


def again(error: LabdError, more: str = "") -> LabdError:
    """A new error like *error*: one that several callers raise would gather all their tracebacks."""
    return type(error)(error.message + more, hint=error.hint, data=error.data)


def closed(where: str) -> Unreachable:
    """The error of a connection that the daemon ended."""
    return Unreachable(
        f"labd at {where} closed the connection",
        hint="it may have stopped or been restarted: see `labctl status`, then try again",
    )


def left(where: str) -> Unreachable:
    """The error of a connection that was closed on this side."""
    return Unreachable(f"the connection to {where} was closed by its owner")


def late(where: str, method: str, seconds: float | None) -> DeadlineExceeded:
    """The error of a call that was not answered in time."""
    return DeadlineExceeded(f"labd at {where} did not answer {method} within {seconds:g} s")


def unreachable(where: str, error: OSError) -> Unreachable:
    """The error of a socket at *where* that cannot be connected to."""
    if isinstance(error, PermissionError):
        return Unreachable(f"you may not open the socket {where}", hint="ask to join the group that owns it")
    if isinstance(error, FileNotFoundError):
        return Unreachable(f"no labd answers at {where}: there is no such socket", hint=START_HINT)
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"no labd answers at {where}: nothing listens there", hint=START_HINT)
    return Unreachable(f"cannot connect to {where}: {error.strerror or error}", hint=START_HINT)
