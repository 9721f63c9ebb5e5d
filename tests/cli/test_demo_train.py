"""The training program of the demo: the data are Fisher's, and the net learns."""

import json
from pathlib import Path

import numpy as np
import pytest

from labd.demo import train


def test_the_data_are_fishers() -> None:
    samples = train.load()
    assert samples.inputs.shape == (150, 4)
    assert samples.targets.sum(axis=0).tolist() == [50, 50, 50]
    means = [samples.inputs[first : first + 50].mean(axis=0).round(3).tolist() for first in (0, 50, 100)]
    # table II of the paper
    assert means == [[5.006, 3.428, 1.462, 0.246], [5.936, 2.77, 4.26, 1.326], [6.588, 2.974, 5.552, 2.026]]
    # the two rows that a well-known copy has wrong
    assert samples.inputs[[34, 37]].tolist() == [[4.9, 3.1, 1.5, 0.2], [4.9, 3.6, 1.4, 0.1]]


def test_what_is_learnt_from_and_what_is_judged_by_are_apart() -> None:
    known, unknown = train.split(train.load())
    assert len(known.inputs) == len(unknown.inputs) == 75
    assert np.allclose(known.inputs.mean(axis=0), 0)
    assert np.allclose(known.inputs.std(axis=0), 1)


def test_a_step_goes_down_the_gradient() -> None:
    known, _ = train.split(train.load())
    net = train.start(5, np.random.default_rng(1))
    moved = train.step(net, known, 1e-6)
    for before, after in zip(net, moved, strict=True):
        flat = before.reshape(-1)
        at = (after - before).reshape(-1) / -1e-6
        for index in range(0, flat.size, 3):
            keep = flat[index]
            flat[index] = keep + 1e-6
            more = train.loss(net, known)
            flat[index] = keep - 1e-6
            less = train.loss(net, known)
            flat[index] = keep
            assert at[index] == pytest.approx((more - less) / 2e-6, abs=1e-4)


def test_the_net_learns_and_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.ndjson"
    monkeypatch.setenv("LABD_REPORT", str(path))
    train.train(width=8, rate=0.01, seed=1, epochs=100)
    reports = [json.loads(line) for line in path.read_text().splitlines()]
    assert reports[0]["progress"] == 0.0
    assert reports[-1]["progress"] == 1.0
    assert reports[-1]["metrics"]["loss"] < 0.2 < reports[0]["metrics"]["loss"]
    assert reports[-1]["metrics"]["accuracy"] > 0.9
    assert "epoch   100 of 100" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_net() -> None:
    known, unknown = train.split(train.load())

    def result() -> float:
        random = np.random.default_rng(3)
        return train.loss(train.one_epoch(train.start(4, random), known, 0.01, random), unknown)

    assert result() == result()
