"""The fake says what a worker says."""

import pytest

from labd.api.workers import WorkerSpec
from labd.errors import WorkerError, WorkerLost
from tests.workers.fake import FakeWorkers


async def test_a_fake_answers_raises_and_dies_like_a_worker():
    workers = FakeWorkers()
    async with workers.keep(2, WorkerSpec(target="statistics")) as pool:
        assert await pool.call("mean", data=[1, 3]) == 2
    async with workers.start(WorkerSpec(target="fractions:Fraction", arguments={"numerator": 3})) as worker:
        assert await worker.call("limit_denominator", max_denominator=5) == 3
        with pytest.raises(WorkerError, match="no method 'absent'"):
            await worker.call("absent")
        worker.kill()
        with pytest.raises(WorkerLost):
            await worker.call("limit_denominator")
    assert [spec.target for spec in workers.specs] == ["statistics", "fractions:Fraction"]
