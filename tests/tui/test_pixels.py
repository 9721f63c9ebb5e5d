"""Pictures in cells."""

import os
from pathlib import Path

import pytest

from labd.errors import LabdError
from labd.tui import pixels
from labd.tui.pixels import Raster, cells
from labd.tui.text import plain, width_of

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def test_two_pixels_share_a_cell():
    made = cells(Raster([[RED, RED], [BLUE, BLUE]], 2, 2))
    assert made == [[("▀▀", "#ff0000 on #0000ff")]]


def test_an_odd_row_stands_alone():
    assert len(cells(Raster([[RED]] * 3, 1, 3))) == 2


def test_without_colours_there_are_shades():
    made = cells(Raster([[(0, 0, 0), WHITE]] * 2, 2, 2), colour=False)
    assert plain(made[0]) == " @"


def test_a_file_becomes_as_many_cells_as_there_are(tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    image.new("RGB", (400, 100), RED).save(tmp_path / "red.png")
    made = pixels.read(str(tmp_path / "red.png"), 40, 20)
    assert (made.width, made.height) == (400, 100)
    lines = cells(made)
    assert len(lines) == 5
    assert {width_of(one) for one in lines} == {40}
    assert lines[0][0].style == "#ff0000 on #ff0000"


def test_what_is_transparent_is_white(tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(tmp_path / "nothing.png")
    assert pixels.read(str(tmp_path / "nothing.png"), 40, 20).rows[0][0] == WHITE


def test_what_is_no_picture_is_said(tmp_path: Path):
    pytest.importorskip("PIL.Image")
    (tmp_path / "text.png").write_text("no picture")
    os.mkfifo(tmp_path / "pipe.png")
    for name, words in (
        ("text.png", "cannot be read"),
        ("pipe.png", "no file"),
        ("none.png", "No such file"),
    ):
        with pytest.raises(LabdError, match=words):
            pixels.read(str(tmp_path / name), 40, 20)


def test_a_picture_that_would_fill_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    image = pytest.importorskip("PIL.Image")
    image.new("1", (1000, 1000)).save(tmp_path / "large.png")
    monkeypatch.setattr(pixels, "LARGEST", 999_999)
    with pytest.raises(LabdError, match="too much"):
        pixels.read(str(tmp_path / "large.png"), 40, 20)
