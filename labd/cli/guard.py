"""The rim of a program: every way to end becomes an exit code and a few plain lines."""

import os
import sys
from collections.abc import Callable

from labd.cli import exits, output
from labd.errors import InternalError, LabdError


def guard(program: str, work: Callable[[], int], as_json: Callable[[], bool]) -> int:
    """Run *work* and return its exit code; whatever it raises is told on stderr, never as a traceback."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except SystemExit as done:  # how argparse ends after --help
        return int(done.code or 0)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return exits.BROKEN_PIPE
    except LabdError as error:
        return _fail(program, error, as_json())
    except Exception as error:
        if os.environ.get("LABD_DEBUG"):
            raise
        return _fail(program, _unexpected(error), as_json())


def _fail(program: str, error: LabdError, as_json: bool) -> int:
    tell(program, error, as_json)
    return error.exit_code


def tell(program: str, error: LabdError, as_json: bool = False) -> None:
    """Say on stderr what went wrong and what to do next."""
    if as_json:
        print(output.encode({"version": output.VERSION, "error": error.as_wire()}), file=sys.stderr)
        return
    first, *more = error.message.splitlines() or [""]
    for line in (f"{program}: {error.title}: {first}", *more):
        output.say(line)
    for line in error.hint.splitlines():
        output.say(f"  hint: {line}")


def _unexpected(error: Exception) -> LabdError:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        failure = LabdError(f"{place}{error.strerror}")
        failure.title = "system error"
        return failure
    return InternalError(f"{type(error).__name__}: {error}", hint="LABD_DEBUG=1 shows where")


def _drop_stdout() -> None:
    """The interpreter flushes stdout once more as it ends: let that go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
