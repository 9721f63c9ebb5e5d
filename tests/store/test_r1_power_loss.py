"""R1: an acknowledged change survives a power cut, whatever the disk had not written yet."""

import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from labd.store import Store
from tests.powerloss import Disk
from tests.syscalls import Op, record

ROUNDS = int(os.environ.get("LABD_TEST_ROUNDS", "300"))
WRITER = str(Path(__file__).with_name("crash_writer.py"))
CHANCES = (1.0, 0.0, 0.5, 0.9, 0.1)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not shutil.which("strace"), reason="needs the package strace"),
]


@dataclass
class Result:
    images: int = 0
    corrupt: int = 0
    lost: int = 0


def run(
    tmp_path: Path, first: int, count: int, *options: str, sync: str = "FULL", mode: str = "go"
) -> list[Op]:
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    argv = [sys.executable, WRITER, str(state), sync, str(first), str(count), mode]
    return record(argv, state, tmp_path / "strace.log", *options)


def said(op: Op, word: str) -> set[int]:
    return {int(line.split()[1]) for line in op.data.decode().splitlines() if line.startswith(word)}


def rows_after(image: dict[str, bytes], folder: Path) -> set[int] | None:
    """What labd finds when it starts on these files; None when it found them damaged."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, data in image.items():
        (folder / os.path.basename(path)).write_bytes(data)
    with closing(Store.open(str(folder / "labd.db"))) as store:
        if store.repair:
            return None
        rows = store.read(lambda c: c.execute("SELECT seq, data FROM events").fetchall())
    torn = any(data != data[0] * 700 for _, data in rows)
    return None if torn else {row[0] for row in rows}


def check(ops: Sequence[Op], tmp_path: Path, rounds: int, seed: int = 7) -> Result:
    """Cut the power *rounds* times, evenly over the run, and start labd on what is left."""
    dice, result, acknowledged = Random(seed), Result(), set[int]()
    disk = Disk(dice)
    for number, op in enumerate(ops):
        disk.do(op)
        acknowledged |= said(op, "ACK ") if op.kind == "say" else set()
        while result.images < rounds * (number + 1) / len(ops):
            found = rows_after(disk.image(CHANCES[result.images % len(CHANCES)]), tmp_path / "image")
            result.images += 1
            result.corrupt += found is None
            result.lost += found is not None and not acknowledged <= found
    return result


def test_r1_no_acknowledged_row_is_missing_after_a_power_cut(tmp_path: Path) -> None:
    ops = run(tmp_path, 1, 30)
    assert set.union(*(said(op, "ACK ") for op in ops if op.kind == "say")) >= set(range(1, 31))
    assert check(ops, tmp_path, ROUNDS) == Result(ROUNDS, corrupt=0, lost=0)


def test_r1_the_check_can_fail_since_without_full_sync_rows_are_lost(tmp_path: Path) -> None:
    result = check(run(tmp_path, 1, 30, sync="NORMAL"), tmp_path, 60)
    assert (result.corrupt, result.lost > 0) == (0, True)


def test_r1_a_power_cut_after_a_failed_fsync_and_a_restart_loses_nothing(tmp_path: Path) -> None:
    failing = ("-e", "inject=fdatasync:error=EIO:when=6..7")
    made = run(tmp_path, 1, 60)
    healed = run(tmp_path, 101, 20, *failing)
    died = run(tmp_path, 201, 20, *failing, mode="die")
    after = run(tmp_path, 301, 12)
    ops = [*made, *healed, *died, *after]
    assert sum(op.kind == "failed sync" for op in ops) >= 3
    assert check(ops, tmp_path, ROUNDS) == Result(ROUNDS, corrupt=0, lost=0)
