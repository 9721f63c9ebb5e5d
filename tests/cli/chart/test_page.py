"""Pictures: every mark on the page, well-formed SVG, and a PNG of the same."""

import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from labd.cli.chart import png
from labd.cli.chart.page import Line, Page, page
from labd.cli.chart.panel import Curve, Panel
from labd.cli.chart.svg import svg
from labd.errors import UsageError

FALLING = Curve("12 <train> & \x00", [(float(n), 2 * math.exp(-n / 20)) for n in range(100)])
SVG = "{http://www.w3.org/2000/svg}"


def a_page(panels: int = 3, curves: int = 9) -> Page:
    return page([Panel(f"loss {n}", [FALLING] * curves, log=n == 1) for n in range(panels)], "Job 12")


@pytest.mark.parametrize("panels", [1, 2, 3, 4])
def test_everything_lies_on_the_page(panels: int) -> None:
    made = a_page(panels)
    for mark in made.marks:
        for x, y in mark.points if isinstance(mark, Line) else [(mark.x, mark.y)]:
            assert 0 <= x <= made.width
            assert 0 <= y <= made.height


def test_the_svg_is_well_formed_and_says_all() -> None:
    root = ET.fromstring(svg(a_page(1, 2)))
    assert root.tag == f"{SVG}svg"
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"Job 12", "loss 0", "12 <train> & \ufffd", "0.0", "2.0", "step"} <= set(words)
    assert max(len(e.get("points", "").split()) for e in root.iter(f"{SVG}polyline")) == 100


def test_one_curve_needs_no_legend() -> None:
    assert FALLING.label not in str(a_page(1, 1).marks)


def test_a_point_alone_is_to_be_seen() -> None:
    [line] = [
        mark for mark in page([Panel("a", [Curve("", [(1.0, 1.0)])])]).marks
        if isinstance(mark, Line) and mark.colour == "#0072b2"
    ]  # fmt: skip
    assert line.points[0] != line.points[1]


def test_a_png_has_twice_the_pixels_of_the_page(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow (the extra plot)")
    made = a_page(2, 2)
    png.write(made, str(tmp_path / "a.png"))
    with image.open(tmp_path / "a.png") as found:
        assert found.size == (2 * made.width, 2 * made.height)
        assert found.getpixel((1, 1)) == (255, 255, 255)
        assert len(found.getcolors(1_000_000)) > 3


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(UsageError) as caught:
        png.write(a_page(1), str(tmp_path / "a.png"))
    assert "labd[plot]" in caught.value.hint
    assert not (tmp_path / "a.png").exists()
