"""The page of models over a daemon that serves one."""

import asyncio
from pathlib import Path

import pytest

from labd.tui.app import LabdApp
from labd.tui.link import Link
from tests.daemon_process import DaemonProcess
from tests.tui.house import Run

pytestmark = pytest.mark.real

DOUBLE = """
class Double:
    inputs = {"x": ("FP32", [-1, 2])}
    outputs = {"y": ("FP32", [-1, 2])}

    def predict(self, x):
        return x * 2
"""


def test_a_model_is_loaded_asked_and_unloaded(daemon: DaemonProcess, tmp_path: Path):
    (tmp_path / "twice.py").write_text(DOUBLE)
    tmp_path.chmod(0o755)

    async def test() -> None:
        app = LabdApp(lambda store, wake: Link(store, daemon.socket, wake), first="models")
        async with app.run_test(size=(160, 50)) as pilot:
            run = Run(app, pilot)
            await run.sees("live", "no models")
            await run.press("L")
            for text in ("double", "twice:Double", str(tmp_path)):
                await run.type(text)
                await run.press("tab")
            await run.press("enter")
            await run.sees("double", "ready", "1/1", "x FP32[any, 2]")
            await run.press("i")
            await run.sees("Ask double")
            await run.press("ctrl+u")
            await run.type("[[1, 2.5]]")
            await run.press("enter")
            await run.sees("y = [[2.0, 5.0]]")
            await run.press("escape", "U", "y")
            await run.sees("unloaded")
        assert not app.faults

    asyncio.run(test())
