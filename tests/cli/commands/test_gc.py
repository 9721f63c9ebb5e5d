"""``labctl gc``."""

import json

from tests.cli.conftest import Labctl
from tests.cli.fake import FakeDaemon

NONE = {"jobs": 0, "folders": 0, "events": 0, "environments": 0, "blobs": 0, "bytes": 0, "maps": 0}


def found(left: int = 0, dry_run: bool = False, kept: dict[str, str] | None = None, **went: int) -> dict:
    return {"dry_run": dry_run, "went": NONE | went, "left": left, "kept": kept or {}}


def test_a_dry_run_shows_what_would_go(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("store.gc", found(5, True, jobs=5, events=20, bytes=3 * 2**20))
    code, out, err = run("gc", "--dry-run")
    assert (code, out, err) == (
        0,
        "WOULD GO    COUNT\njobs            5\nevents         20\ndisk space     3M\n",
        "",
    )
    assert daemon.params("store.gc") == [{"dry_run": True}]


def test_it_asks_until_nothing_is_left(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.script("store.gc", found(7, jobs=5), found(0, jobs=7, kept={"/x": "locked"}))
    code, out, err = run("gc")
    assert (code, out.splitlines()[1]) == (0, "jobs           12")
    assert err == "Removed 5 jobs, 7 to go ...\nKept /x: locked\n"


def test_nothing_to_do_is_said(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("store.gc", found())
    assert run("gc") == (0, "", "Nothing is over its limit.\n")


def test_maps_go_too_where_there_are_any(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.on("store.gc", found(bytes=2**20))
    daemon.on("map.gc", {"dry_run": False, "maps": 3, "bytes": 2**20})
    assert run("gc").out == "REMOVED     COUNT\nmaps            3\ndisk space     2M\n"
    assert daemon.params("map.gc") == [{"dry_run": False}]


def test_json_is_the_sum(daemon: FakeDaemon, run: Labctl) -> None:
    daemon.script("store.gc", found(7, jobs=5), found(0, jobs=7))
    assert json.loads(run("gc", "--json").out) == {"version": 1, **found(0, jobs=12)}
