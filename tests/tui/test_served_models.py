"""What models did lately, by what was counted."""

from typing import Any

from labd.tui.pictures.model import model_lines
from labd.tui.served_models import KEPT, Models
from labd.tui.text import plain, width_of
from tests.tui.house import counted, model

KEY = ("digits", "1")


def taken(*samples: tuple[float, dict[str, Any]]) -> Models:
    models = Models()
    for now, one in samples:
        models.take([model("digits")], [one], now)
    return models


def test_rates_and_times_are_about_what_was_counted_between():
    slow, fast = [0, 0, 100, 0], [0, 300, 100, 0]
    models = taken((0.0, counted("digits", 100, slow)), (10.0, counted("digits", 400, fast)))
    assert models.rate(KEY) == 30.0
    assert models.took(KEY, "latency", 0.99) == 0.01, "the slow ones were before"


def test_where_nothing_was_asked_lately_the_whole_past_counts():
    models = taken(
        (0.0, counted("digits", 100, [0, 50, 50, 0])), (10.0, counted("digits", 100, [0, 50, 50, 0]))
    )
    assert models.rate(KEY) == 0.0
    assert models.took(KEY, "latency", 0.5) == 0.01
    assert models.took(KEY, "latency", 0.99) == 0.1


def test_a_model_that_was_loaded_anew_counts_from_nothing():
    models = taken((0.0, counted("digits", 500)), (1.0, counted("digits", 3)), (2.0, counted("digits", 5)))
    assert models.rates(KEY) == [2.0]


def test_samples_are_bounded_and_go_with_their_model():
    models = taken(*((float(n), counted("digits", n)) for n in range(KEPT * 3)))
    assert len(models.rates(KEY)) == KEPT - 1
    models.take([], [], 0.0)
    assert models.now(KEY) is None
    assert models.rate(KEY) == 0.0


def test_every_line_fits():
    models = taken((0.0, counted("digits", 100)), (1.0, counted("digits", 400)))
    for width in (30, 60, 120):
        lines = model_lines(models, KEY, width)
        assert "digits" in plain(lines[0])
        assert max(map(width_of, lines)) <= max(width, 70), "figures are cut by the edge, nothing is wrapped"
