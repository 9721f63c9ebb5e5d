"""A thousand rounds of enabling, reloading and disabling leave nothing behind, and a leak would be seen."""

import gc
import os
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from tests.daemon.plugged import GOOD, House

pytestmark = pytest.mark.real

WARM = 50
ALLOWED = {"objects": 500, "memory": 8 * 2**20, "descriptors": 2, "threads": 2, "tasks": 0, "modules": 0}
"""What may be more after any number of rounds: caches of Python and of trio fill up. Memory is bytes."""

LEAKS = {
    "memory": "import sys\nsys.kept.append(bytearray(200_000))\n",
    "objects": "import sys\nsys.kept.append([[] for _ in range(10)])\n",
    "descriptors": "import os, sys\nsys.kept.append(open('/dev/null'))\n",
    "threads": "import sys, threading\nthreading.Thread(target=sys.kept[0].wait, daemon=True).start()\n",
    "tasks": "",
    "modules": "import sys, types\nsys.modules[f'left_{len(sys.modules)}'] = types.ModuleType('left')\n",
}


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    house = House(tmp_path)
    monkeypatch.syspath_prepend(str(house.site.folder))
    house.site.install("good", GOOD)
    house.site.install("other", GOOD)
    async with house.open():
        yield house


def figures() -> dict[str, int]:
    gc.collect()
    root = trio.lowlevel.current_root_task()
    assert root is not None
    return {
        "objects": len(gc.get_objects()),
        "memory": int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": tasks_below(root),
        "modules": len(sys.modules),
    }


def tasks_below(task: trio.lowlevel.Task) -> int:
    children = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return len(children) + sum(map(tasks_below, children))


async def grown(house: House, rounds: int) -> dict[str, int]:
    """What is more than allowed after *rounds*, and by how much."""
    await go_round(house, WARM)
    before = figures()
    await go_round(house, rounds)
    after = figures()
    more = {name: after[name] - before[name] for name in before}
    return {name: by for name, by in more.items() if by > ALLOWED[name]}


async def go_round(house: House, rounds: int) -> None:
    for _ in range(rounds):
        await house.call("plugin.reload", plugin="good")
        await house.call("plugin.disable", plugin="good")
        await house.call("plugin.enable", plugin="good")
        house.events.clear()


async def test_r28_a_thousand_rounds_leave_nothing_behind_and_disturb_no_neighbour(house: House) -> None:
    before = house.wiring.supervisor.record("other")
    assert await grown(house, 1000) == {}
    assert await house.call("good.say") == await house.call("other.say") == "first"
    assert house.wiring.supervisor.record("other") is before
    assert before.restarts == 0


@pytest.mark.parametrize("what", LEAKS)
async def test_a_leak_is_seen(house: House, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    known = set(sys.modules)
    monkeypatch.setattr(sys, "kept", kept := [over], raising=False)
    leaking = GOOD.replace(
        "task_status.started()",
        "trio.lowlevel.spawn_system_task(trio.sleep_forever)\n" + " " * 12 + "task_status.started()",
    )
    text = leaking if what == "tasks" else f"{GOOD}\n    {LEAKS[what].replace(chr(10), chr(10) + ' ' * 4)}"
    house.site.write("good", text)
    assert what in await grown(house, 100)
    over.set()
    for one in kept[1:]:
        getattr(one, "close", list)()
    for name in set(sys.modules) - known:
        if name.startswith("left_"):
            del sys.modules[name]
