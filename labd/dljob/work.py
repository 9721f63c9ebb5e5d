"""What a job asks of a target, and what it hears from it: the one seam between jobs and where they run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


@dataclass(frozen=True, kw_only=True)
class Work:
    """One function and the arguments of each of its calls.

    ``memory`` is bytes, ``time_limit`` seconds; 0 is no limit, and for ``concurrency`` as many as there is
    room for. ``modules`` are those that the function needs besides its own.
    """

    module: str
    function: str
    args_list: Sequence[Sequence[Any]]
    kwargs_list: Sequence[dict[str, Any]] | None = None
    name: str = ""
    modules: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    cpus: float = 1
    gpus: int = 0
    memory: int = 0
    concurrency: int = 0
    time_limit: float = 0
    retries: int = 0

    def kwargs(self, index: int) -> dict[str, Any]:
        """The keywords of one call."""
        return self.kwargs_list[index] if self.kwargs_list else {}


class Failure(NamedTuple):
    """Why a call gave no result."""

    type: str
    message: str
    traceback: str = ""


class Done(NamedTuple):
    """The end of one call."""

    task: int
    result: Any
    failure: Failure | None = None


class Said(NamedTuple):
    """What a call printed, where that was not seen as it happened."""

    task: int
    text: str


News = Done | Said


class Target(Protocol):
    """A place where the calls of a job run."""

    def run(self, work: Work) -> Iterator[News]:
        """Begin all calls, and give the end of each as it comes, in any order, and what they printed.

        Raises LabdError at once for what cannot begin; a call that fails is a :class:`Done` like others.
        """
        ...
