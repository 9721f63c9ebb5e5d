"""How people name a job: its id, its name or the unique start of one, or ``last``."""

from typing import Any, Protocol

Ref = int | str

MAX_DIGITS = 19
"""Of a number that can be sent."""


class Calls(Protocol):
    """Whatever can call a method: a client, or a steady connection."""

    def call(
        self, method: str, params: dict[str, Any] | None = None, timeout: float | None = None
    ) -> Any: ...


def ref(text: str) -> Ref:
    """The reference as it travels: digits are an id, the daemon looks up the rest."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < MAX_DIGITS else text


def resolve(client: Calls, texts: list[str]) -> list[int]:
    """Ids, each once, in the given order. Raises NotFound, and UsageError for what several jobs share.

    A name is looked up once: ``last`` must not become another job while somebody waits for it.
    """
    found = [ref(text) for text in texts]
    if not all(isinstance(one, int) for one in found):
        found = client.call("job.find", {"jobs": found})["ids"]
    return [int(one) for one in dict.fromkeys(found)]


def number(client: Calls, text: str) -> int:
    """The id of one job. Raises NotFound, and UsageError for what several jobs share."""
    return resolve(client, [text])[0]


def title(job: dict[str, Any]) -> str:
    """``job 12 (train)``, as messages name a job; ``job 12_5 (train)`` is a task of an array."""
    return f"job {name(job)} ({job['name']})" if job.get("name") else f"job {name(job)}"


def name(job: dict[str, Any]) -> str:
    """What names a job in another command: its id; of a task, that of its array and its index."""
    return f"{job['array']}_{job['index']}" if job.get("array") else str(job["id"])
