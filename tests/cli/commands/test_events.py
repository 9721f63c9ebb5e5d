"""``labctl events``: what was, then what comes, each event once."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from labd.cli.commands import events
from labd.cli.connect import Steady
from labd.errors import Unreachable
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon


def event(seq: int, kind: str = "job.started", **data: Any) -> dict[str, Any]:
    return {
        "seq": seq,
        "time": NOW + seq,
        "kind": kind,
        "actor": "anna",
        "cause": "",
        "data": {"job": 12, **data},
    }


LOG = [event(n, "job.queued" if n % 2 else "job.started") for n in range(1, 301)]


def listing(params: dict[str, Any]) -> dict[str, Any]:
    found = [e for e in LOG if e["seq"] > params.get("since", 0)]
    return {"events": found[: params["limit"]], "oldest": 1, "last": LOG[-1]["seq"]}


@pytest.mark.usefixtures("utc")
def test_a_line_says_number_time_kind_and_who(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("event.list", listing)
    assert (
        run("events", "--since", "299").out
        == "   300  2026-09-21 14:18:20  job.started           job=12  by anna\n"
    )


def test_the_last_hundred_unless_told_otherwise(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("event.list", listing)
    assert run("events", "-q").out.split() == [str(n) for n in range(201, 301)]
    assert run("events", "-q", "--limit", "3", "--kind", "*.queued").out.split() == ["295", "297", "299"]


def test_since_reads_page_after_page(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "PAGE", 7)
    daemon.on("event.list", listing)
    assert run("events", "-q", "--since", "280").out.split() == [str(n) for n in range(281, 301)]


def test_json_is_one_object_a_line(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("event.list", listing)
    assert json.loads(run("events", "--since", "299", "--json").out) == {"version": 1, **LOG[-1]}


def test_values_are_short_and_harmless() -> None:
    shown = events.line(
        event(1, spec={"a": 1}, gpu_ids=[0, 1], token="t", none=[], reason="\x1b[2J", seconds=1.5, empty=None)
    )
    assert "job=12 spec=1 fields gpu_ids=2 items reason=\\x1b[2J seconds=1.5  by anna" in shown


class Feeds:
    """Connections that break after each feed."""

    def __init__(self, *feeds: tuple[str, list[dict[str, Any]]]) -> None:
        self.feeds = list(feeds)
        self.asked: list[tuple[Any, ...]] = []
        self.hello: dict[str, str] = {}
        self._feed: list[dict[str, Any]] = []

    def __call__(self) -> "Feeds":
        if not self.feeds:
            raise KeyboardInterrupt
        epoch, self._feed = self.feeds.pop(0)
        self.hello = {"epoch": epoch}
        return self

    def __exit__(self, *exc: object) -> None: ...

    def events(self, kinds: list[str], since: int, epoch: str) -> Iterator[dict[str, Any]]:
        self.asked.append((kinds, since, epoch))
        yield from self._feed
        raise Unreachable("gone")


def test_following_goes_on_after_the_last_event_seen() -> None:
    feeds = Feeds(("e1", [event(5), event(6)]), ("e1", [event(7)]), ("e2", [event(1)]))
    calls = Steady(feeds, lambda text: None, sleep=lambda seconds: None)  # type: ignore[arg-type]
    assert _numbers(events._coming(["job.*"], calls, None, 4)) == [5, 6, 7, 1]
    assert feeds.asked == [(["job.*"], 4, "e1"), (["job.*"], 6, "e1"), (["job.*"], 0, "e2")]


def _numbers(found: Iterator[dict[str, Any]]) -> list[int]:
    """What came before somebody pressed Ctrl-C."""
    seen: list[int] = []
    with contextlib.suppress(KeyboardInterrupt):
        seen.extend(event["seq"] for event in found)
    return seen


def test_following_one_job_passes_over_the_others() -> None:
    feeds = Feeds(("e1", [event(5, job=1), event(6, job=2), {"seq": 9, "kind": "lagged", "data": {}}]))
    calls = Steady(feeds, lambda text: None, sleep=lambda seconds: None)  # type: ignore[arg-type]
    assert _numbers(events._coming([], calls, 2, 0)) == [6, 9]


def test_follow_prints_what_comes_over_a_real_socket(
    daemon: FakeDaemon, run: Labctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.on("event.list", listing)
    daemon.on("subscribe", {"subscription": 1, "epoch": "e1", "seq": 300, "oldest": 1})
    daemon.events = [event(301), event(302)]
    printed: list[int] = []

    def stop_after_two(args: object, one: dict[str, Any]) -> None:
        printed.append(one["seq"])
        if one["seq"] == 302:
            raise KeyboardInterrupt

    monkeypatch.setattr(events, "_print", stop_after_two)
    assert run("events", "-f", "--since", "298").code == 130
    assert printed == [299, 300, 301, 302]
