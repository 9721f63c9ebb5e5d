"""What a shim is told."""

import pytest

from labd.api.jobs import JobSpec
from labd.jobs.model import apply
from labd.jobs.order import Surroundings, User, order_for, request_of
from labd.resources.devices import unknown
from labd.resources.ledger import Request
from tests.jobs.build import a_job, event


def _with_gpus(job, *ids):
    return apply(
        job, event("job.starting", 2, job=1, attempt=1, token="secret-token-1234", gpu_ids=list(ids))
    )


def test_the_environment_is_the_jobs_own_and_what_labd_adds():
    order = order_for(_with_gpus(a_job(cpus=1.5)), "/run/1.1", Surroundings({"HOME": "/home/alice"}))
    assert order["env"] == {
        "HOME": "/home/alice",
        "LABD_JOB_ID": "1",
        "LABD_ATTEMPT": "1",
        "LABD_RUN_DIR": "/run/1.1/run",
        "LABD_REPORT": "/run/1.1/report.ndjson",
        "LABD_TOKEN": "secret-token-1234",
        "LABD_CPUS": "1.5",
    }


def test_a_job_sees_its_gpus_and_none_when_it_asked_for_none():
    around = Surroundings({}, gpus=(unknown(0), unknown(1)))
    seen = [
        order_for(_with_gpus(a_job(), *ids), "/f", around)["env"]["CUDA_VISIBLE_DEVICES"]
        for ids in ((1, 0), ())
    ]
    assert seen == ["1,0", ""]


def test_a_machine_without_gpus_leaves_the_variable_alone():
    order = order_for(_with_gpus(a_job()), "/f", Surroundings({"CUDA_VISIBLE_DEVICES": "7"}))
    assert order["env"]["CUDA_VISIBLE_DEVICES"] == "7"


def test_a_time_limit_of_zero_is_none():
    assert order_for(_with_gpus(a_job(time_limit=0.0)), "/f", Surroundings({}))["time_limit"] is None


def test_what_a_spec_asks_of_the_machine():
    spec = a_job(cpus=0.5, memory=7, gpus=1).spec
    assert request_of(spec).cores == 500
    assert (request_of(spec).memory, request_of(spec).gpu_count) == (7, 1)


@pytest.mark.parametrize(
    ("fields", "request_"),
    [
        ({"gpus": 2}, Request(1000, gpus=2)),
        ({"gpus": 2.0}, Request(1000, gpus=2)),
        ({"gpus": 0.25}, Request(1000, share=250)),
        ({"gpus": 0.001, "vram": 8}, Request(1000, share=1, vram=8)),
        ({"gpus": 2, "vram": 8}, Request(1000, gpus=2, vram=8)),
        ({"gpu_ids": (1,), "gpus": 0.333}, Request(1000, gpu_ids=(1,), share=333)),
    ],
)
def test_what_a_spec_asks_of_the_gpus(fields, request_):
    assert request_of(JobSpec(cpus=1, **fields)) == request_


def test_a_job_of_somebody_else_says_whom_to_become():
    order = order_for(_with_gpus(a_job()), "/f", Surroundings({}, User(1000, 100, (100, 4))))
    assert order["user"] == {"uid": 1000, "gid": 100, "groups": (100, 4)}
    assert "user" not in order_for(_with_gpus(a_job()), "/f", Surroundings({}))
