"""Groups and tasks as the SDK reads them, and the lists that it asks for. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from labd.api import NotFound, UsageError
from labd_descartes.model import Outcome
from labd_descartes.one import One
from labd_descartes.state import Task

MOST = 1000
_ORDERS = ("created", "updated", "runtime", "peak_memory_usage")


def stamp(seconds: float) -> str:
    """Unix seconds as the SDK shows times."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def task_id(group: str, number: int) -> str:
    """It is also the key of the result and of the log."""
    return f"{group}-{number}"


def number_of(one: One, text: str) -> int:
    """The number of the task *text*. Raises NotFound."""
    group, _, number = text.rpartition("-")
    if group != one.group.id or not number.isdecimal() or int(number) >= len(one.state.tasks):
        raise NotFound(f"there is no task {text[:64]!r} in group {one.group.id}")
    return int(number)


def group(one: One) -> dict[str, Any]:
    """A group with the numbers of its tasks."""
    found, shape, state = one.group, one.group.shape, one.state
    return {
        "id": found.id, "name": shape.name, "status": found.status, "image": shape.image, "cpu": shape.cpu,
        "gpu": shape.gpu, "mem": shape.mem, "worker_timeout": shape.worker_timeout,
        "maximum_concurrency": shape.maximum_concurrency, "minimum_concurrency": shape.minimum_concurrency,
        "minimum_seconds": shape.minimum_seconds, "function_type": shape.function_type,
        "function_python_version": shape.function_python_version, "created": stamp(found.created),
        "updated": stamp(found.updated), "build_log": found.build_log,
        "queue": {"pending": state.pending, "successes": state.good, "failures": state.bad},
    }  # fmt: skip


def result(one: One, number: int, outcome: Outcome, include: Iterable[str]) -> dict[str, Any]:
    """The end of a task. A log is never empty: an SDK takes one for a log that is not there."""
    task, key = one.state.tasks[number], task_id(one.group.id, number)
    found = {
        "id": key, "status": outcome.status, "result_key": key, "result_type": "json",
        "result_size_bytes": len(bytes(outcome.value)), "log_size_bytes": max(1, len(outcome.log.encode())),
        "exception_name": outcome.exception, "failure_type": outcome.failure, "runtime": outcome.runtime,
        "peak_memory_usage": outcome.memory, "created": stamp(task.created),
        "updated": stamp(outcome.updated),
        "labels": list(task.labels),
    }  # fmt: skip
    return found | ({"stacktrace": outcome.stacktrace} if "stacktrace" in include else {})


class Query(NamedTuple):
    """What the words of a query ask of a list."""

    words: Mapping[str, str]
    labels: frozenset[str]
    include: frozenset[str]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]]) -> "Query":
        labels = frozenset(value for name, value in pairs if name == "labels")
        return cls(dict(pairs), labels, frozenset(value for name, value in pairs if name == "include"))

    @property
    def limit(self) -> int:
        """Raises UsageError."""
        text = self.words.get("limit", "100")
        if not text.isdecimal() or not 1 <= int(text) <= MOST:
            raise UsageError(f"limit={text[:20]}: write a number from 1 to {MOST}")
        return int(text)


def groups(ones: Iterable[One], query: Query) -> tuple[list[One], str | None]:
    """A page of *ones*, which are the oldest first, and how to ask for the next one."""
    status = query.words.get("status")
    found = [one for one in ones if status in (None, one.group.status)]
    if query.words.get("sort_field") == "updated":
        found.sort(key=lambda one: one.group.updated)
    if query.words.get("sort_order") == "desc":
        found.reverse()
    after = query.words.get("continuation_token")
    start = next((place for place, one in enumerate(found, 1) if one.group.id == after), 0) if after else 0
    page = found[start : start + query.limit]
    more = start + len(page) < len(found)
    return page, page[-1].group.id if more and page else None


def ended(one: One, query: Query) -> tuple[list[int], str | None]:
    """A page of tasks that have ended and fit *query*, and how to ask for the next one.

    The page after the task that a token names: what is made again meanwhile leaves no gap.
    """
    numbers = [number for number, task in enumerate(one.state.tasks) if _fits(task, query)]
    order = query.words.get("sort_field", "created")
    if order not in _ORDERS:
        raise UsageError(f"sort_field={order[:20]}: it is one of {', '.join(_ORDERS)}")
    keys = [(_key(one.state.tasks[number], order), number) for number in numbers]
    keys.sort(reverse=query.words.get("sort_order") == "desc")
    if after := query.words.get("continuation_token"):
        keys = [*_behind(keys, after, query.words.get("sort_order") == "desc")]
    page = keys[: query.limit]
    token = f"{page[-1][0]!r}:{page[-1][1]}" if len(keys) > len(page) else None
    return [number for _, number in page], token


def _behind(keys: list[tuple[float, int]], token: str, falling: bool) -> Iterator[tuple[float, int]]:
    value, _, number = token.partition(":")
    try:
        last = (float(value), int(number))
    except ValueError:
        raise UsageError(f"continuation_token={token[:40]}: labd gave no such token") from None
    return (key for key in keys if (key < last if falling else key > last))


def _fits(task: Task, query: Query) -> bool:
    end, words = task.end, query.words
    return (
        end is not None
        and words.get("status") in (None, end.status)
        and words.get("failure_type") in (None, end.failure)
        and query.labels <= set(task.labels)
        and stamp(end.updated) > words.get("updated", "")
        and stamp(task.created) > words.get("created", "")
        and "webhook" not in words
    )


def _key(task: Task, order: str) -> float:
    if order == "created" or task.end is None:
        return task.created
    return {"updated": task.end.updated, "runtime": task.end.runtime}.get(order, float(task.end.memory))
