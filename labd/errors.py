"""Every error that labd shows to somebody, in one tree.

::

    LabdError                      code            exit   said when
    ├── UsageError                 usage              2   an argument or a spec is wrong
    │   ├── ConfigError            config             9   a configuration file or value is wrong
    │   ├── BadInput               bad_input          2   a model cannot take these tensors
    │   └── TooLarge               too_large          2   more bytes than a model takes
    ├── Unreachable                unreachable        3   no daemon answers at the socket
    ├── NotFound                   not_found          4   there is no such job, method, plugin
    │   └── UnknownModel           unknown_model      4   there is no such model, or version of it
    ├── NotPermitted               not_permitted      5   the caller lacks the role
    ├── Conflict                   conflict           6   the thing is not in a state for that
    │   └── AlreadyRunning         already_running   10   another daemon holds the state directory
    ├── Refused                    refused            7   labd will not take this now, or ever
    │   ├── Overloaded             overloaded         7   a limit on work or connections is reached
    │   ├── NotReady               not_ready          7   a model is loading, failed or leaving
    │   └── StoreUnavailable       store              7   nothing can be made durable at the moment
    ├── DeadlineExceeded           timeout            8   the caller's time ran out
    ├── StateError                 state             11   the state on disk is newer or cannot be read
    ├── WorkerError                worker             1   code in a worker raised an error
    │   ├── ModelFailed            model_failed       1   a model's code failed, or did not survive a request
    │   └── WorkerLost             worker_lost        1   a worker ended, or did not come up
    ├── ProtocolError              protocol           1   the peer broke the wire protocol
    └── InternalError              internal           1   a defect in labd or in a plugin

``code`` travels on the wire, ``exit_code`` leaves the process, ``title`` heads the message, the
message names the thing, the value and the place, and ``hint`` is the next step.
"""

from typing import Any


class LabdError(Exception):
    """The root. Subclasses set *code*, *exit_code* and *title*; each raise gives message and hint."""

    code = "internal"
    exit_code = 1
    title = "internal error"

    def __init__(self, message: str, *, hint: str = "", data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.data = data or {}

    def as_wire(self) -> dict[str, Any]:
        """The error as it travels in a reply: code, title, message, hint, data."""
        return {
            "code": self.code,
            "title": self.title,
            "message": self.message,
            "hint": self.hint,
            "data": self.data,
        }


class UsageError(LabdError):
    code, exit_code, title = "usage", 2, "wrong argument"


class ConfigError(UsageError):
    code, exit_code, title = "config", 9, "wrong configuration"


class BadInput(UsageError):
    code, exit_code, title = "bad_input", 2, "wrong input for a model"


class TooLarge(UsageError):
    code, exit_code, title = "too_large", 2, "too large"


class Unreachable(LabdError):
    code, exit_code, title = "unreachable", 3, "cannot reach labd"


class NotFound(LabdError):
    code, exit_code, title = "not_found", 4, "not found"


class UnknownModel(NotFound):
    code, exit_code, title = "unknown_model", 4, "no such model"


class NotPermitted(LabdError):
    code, exit_code, title = "not_permitted", 5, "not permitted"


class Conflict(LabdError):
    code, exit_code, title = "conflict", 6, "conflict"


class AlreadyRunning(Conflict):
    code, exit_code, title = "already_running", 10, "another labd is running"


class Refused(LabdError):
    code, exit_code, title = "refused", 7, "refused"


class Overloaded(Refused):
    code, exit_code, title = "overloaded", 7, "overloaded"


class NotReady(Refused):
    code, exit_code, title = "not_ready", 7, "a model is not ready"


class StoreUnavailable(Refused):
    code, exit_code, title = "store", 7, "cannot store"


class DeadlineExceeded(LabdError):
    code, exit_code, title = "timeout", 8, "out of time"


class StateError(LabdError):
    code, exit_code, title = "state", 11, "unusable state"


class WorkerError(LabdError):
    """``data`` has ``type``, the name of the exception's class, and ``traceback``."""

    code, exit_code, title = "worker", 1, "a worker's code failed"


class ModelFailed(WorkerError):
    code, exit_code, title = "model_failed", 1, "a model failed"


class WorkerLost(WorkerError):
    code, exit_code, title = "worker_lost", 1, "a worker is gone"


class ProtocolError(LabdError):
    code, exit_code, title = "protocol", 1, "protocol error"


class InternalError(LabdError):
    code, exit_code, title = "internal", 1, "internal error"


def _tree(cls: type[LabdError]) -> list[type[LabdError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _tree(child))]


def from_wire(fault: object) -> LabdError:
    """The error that a reply carries, as the class its code names; unknown codes give LabdError."""
    if not isinstance(fault, dict):
        return InternalError(f"the daemon answered with an error of unknown form: {fault!r}")
    by_code = {cls.code: cls for cls in reversed(_tree(LabdError))}
    cls = by_code.get(str(fault.get("code")), LabdError)
    error = cls(str(fault.get("message", "")), hint=str(fault.get("hint", "")), data=fault.get("data") or {})
    error.title = str(fault.get("title", cls.title))
    return error
