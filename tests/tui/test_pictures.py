"""Every page at two sizes, as plain text: `TUI_PICTURES=1 pytest` draws them anew; look at the difference."""

import contextlib
import os
from pathlib import Path

import pytest

from tests.tui.house import SIZES, Run, drive

FOLDER = Path(__file__).resolve().parent / "pictures"

SHOWN = {
    "overview": ("overview", [], "resnet"),
    "jobs": ("jobs", ["down"], "resnet"),
    "groups": ("jobs", ["b", "A"], "failed 1"),
    "job": ("jobs", ["enter"], "Attempts"),
    "waits": ("jobs", ["down", "down", "enter"], "Why it waits"),
    "cancel": ("jobs", ["c"], "Cancel job 7"),
    "submit": ("jobs", ["n"], "New job"),
    "help": ("jobs", ["question_mark"], "All jobs"),
    "curves": ("jobs", ["m"], "step"),
    "logs": ("logs", [], "step 4999"),
    "maps": ("maps", ["down"], "map-1"),
    "models": ("models", [], "old"),
    "ask": ("models", ["i"], "Ask digits"),
    "plugins": ("plugins", [], "no dice"),
    "events": ("events", ["down"], "job.failed"),
    "panels": ("panels", [], "No panels"),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SHOWN)
def test_it_looks_as_it_did(name: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir("/")
    page, keys, word = SHOWN[name]
    place = FOLDER / f"{name}-{size[0]}x{size[1]}.txt"

    async def test(run: Run) -> None:
        for key in keys:
            await run.press(key)
        await run.sees(word)
        if os.environ.get("TUI_PICTURES"):
            await run.still()
            place.write_text(run.text() + "\n", encoding="utf-8")
        wanted = place.read_text(encoding="utf-8")
        with contextlib.suppress(AssertionError):
            await run.until(lambda: run.text() + "\n" == wanted)
        assert run.text() + "\n" == wanted

    drive(test, page, size)


def test_no_line_is_wider_than_the_screen_and_nothing_is_empty():
    for place in FOLDER.iterdir():
        width = int(place.stem.rpartition("-")[2].partition("x")[0])
        lines = place.read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) <= width, place.name
        assert len([line for line in lines if line.strip()]) > 2, place.name
