"""Pictures of ``labd tui`` for the documentation, of a real daemon: ``python -m docs.screenshots [FOLDER]``.

What ``labd demo --keep`` left (in FOLDER, or made now) gets a machine with GPUs and some work. The interface
then runs over it in two sizes, and what its screen shows becomes an SVG. Nothing in them is drawn by hand.
"""

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labd.client import Client as Program
from labd.errors import LabdError
from labd.tui.app import LabdApp
from labd.tui.link import Link
from labd.wire.blocking import Client

IMAGES = Path(__file__).parent / "images"
SMALL, LARGE = (80, 24), (200, 60)
README = (120, 34)
SETTLE = 50.0
"""Seconds that the work runs before the pictures: what has a curve needs a past."""

MACHINE = ("cores=16", "memory=128G", "gpus=[0, 1, 2, 3]", "gpu_memory=24G", "gpu_probe=/bin/true")
LABD, LABCTL = [sys.executable, "-m", "labd"], [sys.executable, "-m", "labd.cli.labctl"]

TRAIN = """
import math, sys, time
import labd
rate, seconds, begin = float(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
for step in range(1, 10_000):
    done = min(begin + step / (seconds * 5), 1.0)
    noise = math.sin(step * 12.9898 * rate) * 0.02
    labd.report(done, step=step, loss=2.3 * math.exp(-4 * done) + 0.08 + noise * (1 - done),
                accuracy=1 - 0.9 * math.exp(-5 * done) + noise * (1 - done) / 2, learning_rate=rate * (1 - done))
    if step % 5 == 0:
        print(f"epoch {step // 5:4d}  loss {2.3 * math.exp(-4 * done) + 0.08 + noise:.4f}", flush=True)
    if done >= 1:
        break
    time.sleep(0.2)
"""
MODEL = """
import time
import numpy as np

class Digits:
    inputs = {"image": ("FP32", [-1, 4])}
    outputs = {"scores": ("FP32", [-1, 3])}

    def __init__(self, scale=1):
        self.weights = np.full((4, 3), scale, "f4")

    def predict(self, image):
        time.sleep(0.004)
        return image @ self.weights

class Broken(Digits):
    def __init__(self):
        raise OSError("weights.npz is not there")
"""
CALLS = """
import time

def fold(n):
    time.sleep(0.1)
    if n % 97 == 13:
        raise ValueError(f"sequence {n} has an unknown residue")
    return n * n
"""
PAGES = {
    "overview": ("overview", ()),
    "jobs": ("jobs", ("home",)),
    "job": ("jobs", ("home", "enter")),
    "curves": ("jobs", ("home", "m")),
    "logs": ("logs", ()),
    "maps": ("maps", ()),
    "models": ("models", ("home",)),
    "plugins": ("plugins", ()),
    "events": ("events", ()),
}
"""What is shown, and the keys that show it."""

KEPT = {README: ("overview",), SMALL: ("jobs", "curves"), LARGE: ("overview", "models")}
"""The pictures that the documentation has."""


# -- the state ----------------------------------------------------------------------------------


def demo() -> Path:
    """The folder of a demo that is over, and whose daemon still runs. Raises RuntimeError."""
    done = subprocess.run(
        [*LABD, "demo", "--keep", "--json"], stdout=subprocess.PIPE, text=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"labd demo ended with {done.returncode}")
    return Path(json.loads(done.stdout)["kept"])


@contextmanager
def machine(folder: Path) -> Iterator[str]:
    """A daemon with GPUs on the state of the demo: its socket. In the end all of it is gone."""
    socket = f"{folder}/run/labd.sock"
    subprocess.run([*LABCTL, "--socket", socket, "shutdown", "--yes"], check=False, capture_output=True)
    words = [word for option in MACHINE for word in ("-o", f"resources.{option}")]
    with open(folder / "daemon.log", "ab") as log:
        daemon = subprocess.Popen([*LABD, "--config", str(folder / "labd.toml"), *words], stdout=log, stderr=log)
    try:
        _answering(socket)
        yield socket
    finally:
        _cancel_all(socket)
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _answering(socket: str) -> None:
    for _ in range(200):
        try:
            Client(socket).close()
        except LabdError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"no daemon answers at {socket}")


def _cancel_all(socket: str) -> None:
    with Client(socket) as client:
        jobs = client.call("job.list", {"limit": 500})["jobs"]
        live = [job["id"] for job in jobs if job["ended"] is None]
        for job in live:
            client.call("job.cancel", {"job": job})
        client.call("job.wait", {"jobs": live}, timeout=30)


def work(socket: str, folder: Path) -> None:
    """Give the daemon something of everything."""
    (folder / "digits.py").write_text(MODEL)
    (folder / "train.py").write_text(TRAIN)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    (folder / "folding.py").write_text(CALLS)
    with Client(socket) as client:
        def submit(name: str, argv: list[str], **more: Any) -> int:
            spec = {"argv": argv, "name": name, "cwd": str(folder), "env": {"PATH": path}, **more}
            return int(client.call("job.submit", {"spec": spec})["job"]["id"])

        def train(name: str, rate: float, seconds: float, begin: float, **more: Any) -> int:
            return submit(name, ["python", "train.py", str(rate), str(seconds), str(begin)],
                          cpus=2, memory=8 * 2**30, **more)  # fmt: skip

        submit("prepare-data", ["sh", "-c", "echo 41,234 images; sleep 1"], tags=["vision"])
        submit("lint", ["sh", "-c", "echo no such file: train.cfg >&2; exit 3"], group="ci")
        train("resnet50-b256", 0.1, 400, 0.31, gpus=1, group="vision", tags=["sweep"], time_limit=7200)
        train("resnet50-b512", 0.2, 900, 0.12, gpus=1, group="vision", tags=["sweep"], time_limit=7200)
        train("vit-small", 0.003, 300, 0.55, gpus=0.5, group="vision")
        train("tagger-crf", 0.01, 200, 0.72, gpus=0.25, group="text")
        submit("evaluate", ["sh", "-c", "sleep 4"], array={"ranges": [(0, 39, 1)], "limit": 2}, group="vision")
        train("bert-large", 0.001, 3000, 0.0, gpus=2, group="text", priority=3)
        for number in range(5):
            train(f"sweep-{number}", 0.1, 600, 0.0, gpus=1, group="vision", tags=["sweep"])
        train("distil", 0.01, 600, 0.0, group="text", hold=True)
        client.call("model.load", {"model": "digits", "spec": _model(folder, "Digits", workers=2)}, timeout=60)
        try:
            client.call("model.load", {"model": "tagger", "spec": _model(folder, "Broken")}, timeout=60)
        except LabdError:
            pass  # it is there to fail
    words = [*LABCTL, "--socket", socket, "map", "-d", "folding:fold",
             "--name", "fold-proteins"]  # fmt: skip
    subprocess.run([*words, "--range", "0-1999"], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _model(folder: Path, name: str, **more: Any) -> dict[str, Any]:
    return {"target": f"digits:{name}", "path": [str(folder)], "arguments": {}, **more}


@contextmanager
def asked(socket: str) -> Iterator[None]:
    """Clients that ask the model, until the block ends."""
    ended = threading.Event()

    def ask(pause: float) -> None:
        import numpy as np

        with Program(socket) as labd:
            digits = labd.model("digits")
            while not ended.wait(pause):
                digits(np.ones((1, 4)))

    clients = [threading.Thread(target=ask, args=(0.01 * n,)) for n in range(1, 9)]
    for one in clients:
        one.start()
    try:
        yield
    finally:
        ended.set()
        for one in clients:
            one.join()


# -- the pictures -------------------------------------------------------------------------------


async def shoot(socket: str, wanted: dict[tuple[int, int], tuple[str, ...]]) -> dict[str, str]:
    """The pictures by their names."""
    app = LabdApp(lambda store, wake: Link(store, socket, wake))
    made = {}
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("5")
        await asyncio.sleep(SETTLE / 2)  # the rates of models have a past where their page is seen
        await pilot.press("1")
        await asyncio.sleep(SETTLE / 2)
        for size, names in wanted.items():
            await pilot.resize_terminal(*size)
            for name in names:
                page, keys = PAGES[name]
                await app.action_page(page)
                await pilot.pause(1.5)
                await pilot.press(*keys)
                await pilot.pause(2.5)
                made[f"tui-{name}-{size[0]}x{size[1]}"] = plain(app.export_screenshot(title="labd tui"))
                while len(app.screen_stack) > 1:
                    await pilot.press("escape")
    return made


def plain(picture: str) -> str:
    """Without fonts from elsewhere, which pictures in pages may not load."""
    picture = re.sub(r"@font-face \{.*?\}\n", "", picture, flags=re.DOTALL)
    picture = re.sub(r"Fira Code(, *)?", "", picture)
    return re.sub(r"terminal-\d+-", "t-", picture) + "\n"


def main() -> int:
    """Make the pictures of the documentation; with ``--all DIR`` every one, there."""
    given = sys.argv[1:]
    everything, target = "--all" in given, IMAGES
    if everything:
        at = given.index("--all")
        target = Path(given[at + 1])
        del given[at : at + 2]
    folder = Path(given[0]) if given else demo()
    wanted = dict.fromkeys(KEPT, tuple(PAGES)) if everything else KEPT
    with machine(folder) as socket:
        work(socket, folder)
        with asked(socket):
            for name, picture in asyncio.run(shoot(socket, wanted)).items():
                (target / f"{name}.svg").write_text(picture)
                print(target / f"{name}.svg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
