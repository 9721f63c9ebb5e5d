"""What tests of serving are made of: items, batchers and models that answer in this process."""

from labd.api import Inference, ModelSpec, Tensor
from labd.plugins.serving.batcher import Batcher
from labd.plugins.serving.figures import Figures
from labd.plugins.serving.item import Item
from labd.plugins.serving.queue import STEP


def floats(*values, name="x"):
    """A tensor of one row."""
    import struct

    return Tensor(name, "FP32", (1, len(values)), struct.pack(f"<{len(values)}f", *values))


def item(batcher=None, *, key="k", rows=1, size=4, arrived=0.0, timeout=10.0, priority=50, done=None, **more):
    heard = []
    request = Inference("m", (floats(0.0),), priority=priority, **more)
    made = Item(
        request, done or heard.append, key, rows, size, arrived, arrived + timeout, arrived + STEP * priority,
        batcher.drop if batcher else lambda item: None,
    )  # fmt: skip
    return made, heard


class Bench:
    """A batcher with a clock of its own, and what became of each item."""

    def __init__(self, **spec):
        self.figures = Figures()
        self.batcher = Batcher(ModelSpec(**spec), self.figures)
        self.now = 0.0
        self.heard = {}

    def ask(self, **more):
        made, heard = item(self.batcher, arrived=self.now, **more)
        self.batcher.check_room(made.size)
        self.batcher.admit(made, self.now)
        self.heard[made] = heard
        return made

    def batch(self):
        return self.batcher.next_batch(self.now)
