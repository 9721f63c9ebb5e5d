"""The training program of ``labd demo``: one hidden layer, a softmax, stochastic gradient descent.

It classifies Fisher's irises by their measurements, and it knows of labd what any program needs to know:
the one call of ``labd.report``. Without labd around it that call does nothing, and this is a plain script.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from labd.report import report

Array = NDArray[np.float64]
SPECIES = ("setosa", "versicolor", "virginica")
REPORT_EVERY = 0.2
"""Seconds between two reports."""


class Samples(NamedTuple):
    """Measurements, one flower a row, and which of :data:`SPECIES` each is, as rows of 0 and 1."""

    inputs: Array
    targets: Array


class Net(NamedTuple):
    """Weights and offsets of the hidden layer and of the outputs."""

    hidden: Array
    hidden_offset: Array
    output: Array
    output_offset: Array


def load() -> Samples:
    lines = Path(__file__).with_name("iris.csv").read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    inputs = np.array([row[:4] for row in rows], dtype=float)
    return Samples(inputs, np.array([[row[4] == name for name in SPECIES] for row in rows], dtype=float))


def split(samples: Samples, for_training: int = 75) -> tuple[Samples, Samples]:
    """The flowers to learn from and those to be judged by, the same for every run; scaled by the first."""
    order = np.random.default_rng(0).permutation(len(samples.inputs))
    inputs, targets = samples.inputs[order], samples.targets[order]
    known = inputs[:for_training]
    inputs = (inputs - known.mean(axis=0)) / known.std(axis=0)
    first, rest = slice(None, for_training), slice(for_training, None)
    return Samples(inputs[first], targets[first]), Samples(inputs[rest], targets[rest])


def start(width: int, random: np.random.Generator) -> Net:
    """A net that knows nothing yet."""
    hidden = random.normal(0.0, 0.5, (4, width))
    output = random.normal(0.0, width**-0.5, (width, len(SPECIES)))
    return Net(hidden, np.zeros(width), output, np.zeros(len(SPECIES)))


def forward(net: Net, inputs: Array) -> tuple[Array, Array]:
    """What the hidden layer says, and the probability of each species."""
    inner = np.tanh(inputs @ net.hidden + net.hidden_offset)
    scores = inner @ net.output + net.output_offset
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return inner, powers / powers.sum(axis=1, keepdims=True)


def step(net: Net, batch: Samples, rate: float) -> Net:
    """The net after one step down the gradient of the cross entropy."""
    inner, guess = forward(net, batch.inputs)
    wrong = (guess - batch.targets) / len(batch.inputs)
    back = wrong @ net.output.T * (1.0 - inner * inner)
    return Net(
        net.hidden - rate * batch.inputs.T @ back,
        net.hidden_offset - rate * back.sum(axis=0),
        net.output - rate * inner.T @ wrong,
        net.output_offset - rate * wrong.sum(axis=0),
    )


def one_epoch(net: Net, samples: Samples, rate: float, random: np.random.Generator) -> Net:
    """One pass over all *samples*, flower by flower, in a new order."""
    for index in random.permutation(len(samples.inputs)):
        one = slice(index, index + 1)
        net = step(net, Samples(samples.inputs[one], samples.targets[one]), rate)
    return net


def loss(net: Net, samples: Samples) -> float:
    """The mean cross entropy."""
    _, guess = forward(net, samples.inputs)
    return float(-np.log((guess * samples.targets).sum(axis=1).clip(1e-12)).mean())


def accuracy(net: Net, samples: Samples) -> float:
    """The share of flowers whose species is named right."""
    _, guess = forward(net, samples.inputs)
    return float((guess.argmax(axis=1) == samples.targets.argmax(axis=1)).mean())


def train(width: int, rate: float, seed: int, epochs: int) -> None:
    known, unknown = split(load())
    random = np.random.default_rng(seed)
    net, due = start(width, random), time.monotonic()
    for number in range(epochs + 1):
        if time.monotonic() >= due or number == epochs:
            tell(number, epochs, loss(net, known), accuracy(net, unknown))
            due = time.monotonic() + REPORT_EVERY
        net = one_epoch(net, known, rate, random)


def tell(number: int, epochs: int, losses: float, right: float) -> None:
    report(number / epochs, {"loss": losses, "accuracy": right, "epoch": number})
    print(f"epoch {number:>5} of {epochs}  loss {losses:.4f}  accuracy {right:.1%}", flush=True)  # noqa: T201 - its log


def main() -> None:
    parser = argparse.ArgumentParser(description="learn to tell irises apart")
    parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
    parser.add_argument("--hidden", type=int, default=16, help="width of the hidden layer")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=5000)
    args = parser.parse_args()
    train(args.hidden, args.rate, args.seed, args.epochs)


if __name__ == "__main__":
    main()
