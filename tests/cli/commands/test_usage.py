"""``labctl usage``."""

import json
from typing import Any

import pytest

from labd.cli.commands.usage import rows
from labd.cli.render import Terminal, cells
from tests.cli.conftest import Labctl
from tests.cli.fake import NOW, FakeDaemon

ROW: dict[str, Any] = {
    "jobs": 3, "succeeded": 2, "failed": 1, "cancelled": 0, "running": 0, "attempts": 4,
    "core_seconds": 7200.0, "gpu_seconds": 0.0, "memory_seconds": 2.0**30 * 3600, "cpu_seconds": 3600.0,
    "cpu_efficiency": 0.5, "memory_efficiency": None, "median_wait": 12.0,
}  # fmt: skip
FOUND = {
    "by": "user", "since": 0.0, "until": NOW, "left_out": 0,
    "rows": [{"key": "anna", **ROW}, {"key": "", **ROW, "core_seconds": 3600.0}], "total": ROW,
}  # fmt: skip


def test_it_is_a_table_with_a_total(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.usage", FOUND)
    assert run("usage", "--since", "7d").out == (
        "USER    JOBS  OK  FAILED  CORE-H  GPU-H  GIB-H  WAIT  CPU%\n"
        "anna       3   2       1    2.00   0.00   1.00   12s   50%\n"
        "(none)     3   2       1    1.00   0.00   1.00   12s   50%\n"
        "total      3   2       1    2.00   0.00   1.00   12s   50%\n"
    )
    [asked] = daemon.params("job.usage")
    assert asked == {"by": "user", "since": NOW - 7 * 86_400, "limit": 20}


def test_a_terminal_gets_bars_in_80_columns() -> None:
    big = ROW | {"jobs": 123_456, "succeeded": 123_000, "core_seconds": 1e10, "memory_efficiency": 0.99}
    wide = {**FOUND, "rows": [{"key": "a-user-with-a-long-name", **big}], "total": big}
    lines = rows(wide, Terminal(width=80))
    assert "████████" in lines[1]
    assert max(map(cells, lines)) <= 80


def test_days_are_midnights_here(daemon: FakeDaemon, run: Labctl, utc: None) -> None:
    daemon.on("job.usage", FOUND)
    run("usage", "--by", "day", "--since", "2026-09-01", "--until", "2026-09-02", "--json")
    [asked] = daemon.params("job.usage")
    assert asked == {"by": "day", "since": 1788220800.0, "until": 1788307200.0, "limit": 5000}


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01"])
def test_what_is_no_time_is_refused(daemon: FakeDaemon, run: Labctl, text: str) -> None:
    code, _, err = run("usage", "--since", text)
    assert (code, text in err) == (2, True)


def test_programs_get_json_or_csv(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.usage", FOUND)
    assert json.loads(run("usage", "--json").out) == {"version": 1, **FOUND}
    head, first, *_ = run("usage", "--csv").out.splitlines()
    assert head.split(",")[:3] == ["user", "jobs", "succeeded"]
    assert dict(zip(head.split(","), first.split(","), strict=True))["core_seconds"] == "7200.0"


def test_what_is_left_out_is_said(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.usage", {**FOUND, "left_out": 3})
    assert run("usage").err == "3 more: labctl usage --limit 23\n"


def test_nothing_is_said_in_words(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("job.usage", {**FOUND, "rows": []})
    assert run("usage") == (0, "", "Nothing ran in that time.\n")
