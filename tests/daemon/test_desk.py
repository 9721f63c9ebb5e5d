"""What is accepted, which job is meant, and who may touch it."""

import msgspec
import pytest

from labd.api.jobs import ArraySpec, JobKind, JobSpec, Notify
from labd.api.methods import Peer, Role
from labd.config import Jobs
from labd.daemon.desk import Desk
from labd.errors import NotFound, NotPermitted, Refused, UsageError
from labd.jobs import decide
from labd.jobs.model import apply
from labd.jobs.runner import key_of
from labd.jobs.schedule import Line, Quota
from labd.resources.devices import Device
from labd.resources.ledger import MILLI, Capacity, Ledger, Request
from tests.jobs.build import ALICE, Clocks, a_job, event
from tests.jobs.test_queue import a_queue


class Params(msgspec.Struct, forbid_unknown_fields=True):
    whom: str
    times: int = 1


def build(params, spec):
    return msgspec.structs.replace(spec, argv=("echo", params.whom * params.times))


class Quiet:
    """Stands in for the runner and for reports."""

    draining = False

    def __init__(self):
        self.line = Line()

    def latest(self, job):
        return None


@pytest.fixture
async def desk(tmp_path):
    async with a_queue(tmp_path) as queue:
        yield Desk(
            queue._store, queue, Quiet(), Ledger(Capacity(2 * MILLI, 1000, (0,))), Quiet(), None, Clocks(),
            str(tmp_path), {"greet": JobKind("greet", build, Params)}, None,
        )  # fmt: skip


def spec(**fields):
    return JobSpec(**{"argv": ("true",), "cwd": "/"} | fields)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (spec(argv=()), UsageError, "a job needs a command"),
        (spec(argv=("",)), UsageError, "the command is an empty string"),
        (spec(env={"A=B": "c"}), UsageError, "'A=B' cannot be the name of an environment variable"),
        (spec(gpu_ids=(0, 0)), UsageError, "names a GPU twice"),
        (spec(gpus=1.5), UsageError, "1.5 GPUs cannot be had"),
        (spec(gpus=0.0004), UsageError, "0.0004 GPUs cannot be had"),
        (spec(gpus=0.5, gpu_ids=(0, 1)), UsageError, "gpu_ids [0, 1] with 0.5 of a GPU"),
        (spec(vram=9), Refused, "9 bytes of GPU memory asked, the GPU here does not tell its size"),
        (spec(cpus=3), Refused, "this job can never start here: 3 cores asked, this machine has 2"),
        (spec(gpus=2), Refused, "2 GPUs asked, this machine has GPU 0"),
        (spec(memory=2000), Refused, "1.95 KiB of memory asked"),
        (spec(kind="great"), UsageError, "there is no job kind 'great'"),
        (spec(params={"a": 1}), UsageError, "the kind command takes no params"),
        (spec(kind="greet", params={"whom": "x", "tmies": 2}), UsageError, "unknown field `tmies`"),
        (spec(kind="greet"), UsageError, "missing required field `whom`"),
    ],
)
async def test_wrong_specs_are_refused_by_name(desk, wrong, error, words):
    with pytest.raises(error) as caught:
        desk.intake.checked(wrong)
    assert words in caught.value.message
    assert desk.queue.live == {}


async def test_a_target_that_is_not_there_is_refused_by_name(desk):
    wish = (Notify("lab-chta"),)
    for targets, hint in (
        ({"lab-chat"}, "did you mean lab-chat?"),
        ((), "there are: none; an admin adds them"),
    ):
        desk.intake.targets = targets
        with pytest.raises(UsageError, match="there is no notification target 'lab-chta'") as caught:
            desk.intake.checked(spec(notify=wish))
        assert caught.value.hint.startswith(hint)
    desk.intake.targets = {"lab-chta"}
    assert desk.intake.checked(spec(notify=wish)).notify == wish


async def test_the_nearest_kind_is_named(desk):
    with pytest.raises(UsageError) as caught:
        desk.intake.checked(spec(kind="great"))
    assert caught.value.hint == "did you mean greet?"


async def test_a_kind_builds_the_command(desk):
    assert desk.intake.checked(spec(kind="greet", params={"whom": "x", "times": "3"})).argv == ("echo", "xxx")


async def test_what_is_not_said_gets_the_configured_default(desk):
    desk.intake.defaults = Jobs(default_cpus=0.5, default_memory=7, default_time_limit=60.0, kill_grace=3.0)
    got = desk.intake.checked(spec())
    assert (got.cpus, got.memory, got.time_limit, got.grace) == (0.5, 7, 60.0, 3.0)
    said = desk.intake.checked(spec(cpus=1.0, time_limit=0.0))
    assert (said.cpus, said.time_limit) == (1.0, 0.0)


async def test_nothing_is_taken_while_labd_stops(desk):
    desk.intake.refusal = "labd is stopping"
    with pytest.raises(Refused, match="no new work is taken: labd is stopping"):
        desk.intake.checked(spec())


async def test_jobs_are_found_by_id_last_name_and_unique_start(desk):
    for name in ("train-a", "train-b", "eval", "eval"):
        await desk.queue.submit(spec(name=name, cpus=1.0), ALICE, None)
    found = {ref: desk.find(ref).id for ref in (1, "1", "last", "train-b", "ev")}
    assert found == {1: 1, "1": 1, "last": 4, "train-b": 2, "ev": 4}


@pytest.mark.parametrize(
    ("ref", "error", "words"),
    [
        ("train", UsageError, "'train' could be train-a, train-b"),
        ("nothing", NotFound, "there is no job 'nothing'"),
        ("", UsageError, "an empty string names no job"),
        (99, NotFound, "there is no job 99"),
        ("99", NotFound, "there is no job 99"),
    ],
)
async def test_references_that_name_no_job(desk, ref, error, words):
    for name in ("train-a", "train-b"):
        await desk.queue.submit(spec(name=name), ALICE, None)
    with pytest.raises(error, match=words):
        desk.find(ref)


async def test_a_job_belongs_to_whoever_submitted_it(desk):
    await desk.queue.submit(spec(), ALICE, None)
    bob = Peer(pid=1, uid=1001, gid=1, name="bob", role=Role.SUBMIT)
    with pytest.raises(NotPermitted, match="job 1 belongs to alice: bob cannot cancel it"):
        desk.owned(bob, 1, "cancel")
    with pytest.raises(NotPermitted):
        desk.readable(bob, 1)
    assert desk.owned(msgspec.structs.replace(bob, role=Role.OPERATE), 1, "cancel").id == 1


async def test_a_waiting_job_says_for_what(desk):
    job, _ = await desk.queue.submit(spec(cpus=2.0, memory=0), ALICE, None)
    assert desk.waiting_for(job) == "its turn"
    desk._ledger.take_nowait("model", Request(1500))
    desk.runner.line.add(job.id, 0, key_of(job))
    assert desk.waiting_for(job) == "2 cores (0.5 free)"


async def test_a_job_that_holds_a_gpu_which_is_not_well_is_warned_of(desk):
    ledger = desk._ledger
    job = apply(
        apply(a_job(gpus=1), event("job.starting", job=1, attempt=1, token="t" * 16, gpu_ids=[0])),
        event("job.started", job=1, attempt=1, started=1.0),
    )
    assert (desk.view(job).warning, desk.reasons(job)) == ("", ["job 1 is running"])
    sick = Device(0, 0, health="unhealthy", why="it hangs")
    ledger.capacity = msgspec.structs.replace(ledger.capacity, devices=(sick,))
    warning = "GPU 0 is unhealthy: it hangs; the job keeps it"
    assert desk.view(job).warning == warning
    assert desk.reasons(job) == ["job 1 is running", warning]
    ledger.capacity = Capacity(MILLI, 0)
    assert desk.view(job).warning == "GPU 0 is not on this machine any more; the job keeps it"


async def test_what_a_job_takes_of_gpus_is_shown(desk):
    shown = [desk.view(a_job(**fields)) for fields in ({"gpus": 0.25}, {"gpus": 2}, {"vram": 8}, {})]
    assert [(view.gpus, view.vram) for view in shown] == [(0.25, 0), (2, 0), (1, 8), (0, 0)]


async def test_who_holds_what_part_is_told(desk):
    job, _ = await desk.queue.submit(spec(gpus=1, cpus=1.0), ALICE, None)
    desk.runner.line.add(job.id, 0, key_of(job))
    desk._ledger.take_nowait("model", Request(share=250))
    [holder] = desk.holders(job)
    assert (holder["gpus"], holder["gpu_ids"], holder["vram"]) == (0.25, (0,), 0)


async def test_what_no_quota_would_ever_let_start_is_refused(desk):
    desk.runner.line.quota = Quota(cores=1.0)
    with pytest.raises(Refused, match="it is above the limit of 1 core for one user") as refused:
        desk.intake.checked(spec(cpus=2))
    assert refused.value.hint == "ask for less; jobs.max_cpus_per_user sets it"
    assert desk.intake.checked(spec(cpus=1)).cpus == 1


async def test_a_name_means_an_unfinished_job_before_one_that_has_ended(desk):
    for _ in range(2):
        await desk.queue.submit(spec(name="q"), ALICE, None)
    await desk.queue.cancel(2, "alice", "enough")
    assert desk.find("q").id == 1
    await desk.queue.cancel(1, "alice", "enough")
    assert desk.find("q").id == 2


@pytest.mark.parametrize("name", ["12", "last"])
async def test_a_name_that_would_mean_another_job_is_refused(desk, name):
    with pytest.raises(UsageError, match="cannot be the name of a job"):
        desk.intake.checked(spec(name=name))


async def test_many_references_are_resolved_with_few_questions(desk, monkeypatch):
    jobs = [(await desk.queue.submit(spec(name=name, cpus=1.0), ALICE, None))[0].id for name in "abba"]
    for number in jobs[:2]:
        await desk.queue.cancel(number, "alice", "")
    asked = []
    monkeypatch.setattr(desk.store, "read", asked.append)
    ids, ended = await desk.find_all(["a", "b", 1, "2", 4, "a"])
    assert (ids, sorted(ended), asked) == ([4, 3, 1, 2, 4, 4], [1, 2], [])
    assert {job.state for job in ended.values()} == {"cancelled"}


@pytest.mark.parametrize(
    ("refs", "error", "words"),
    [
        ([1, 99], NotFound, "there is no job 99"),
        (["eval", "nothing"], NotFound, "there is no job 'nothing'"),
        (["tr"], UsageError, "'tr' could be train-a, train-b"),
    ],
)
async def test_one_wrong_reference_among_many_is_named(desk, refs, error, words):
    for name in ("eval", "train-a", "train-b"):
        await desk.queue.submit(spec(name=name, cpus=1.0), ALICE, None)
    assert (await desk.find_all(["last", "ev"]))[0] == [3, 1]
    with pytest.raises(error, match=words):
        await desk.find_all(refs)


async def test_a_name_is_found_however_many_begin_with_it(desk):
    for number in (1, *range(100, 130)):
        await desk.queue.submit(spec(name=f"run_{number}"), ALICE, None)
    assert desk.find("run_1").id == 1


async def test_last_is_an_array_and_not_one_of_its_tasks(desk):
    array = ArraySpec(((0, 4, 1),))
    await desk.queue.submit(spec(array=array), ALICE, None)
    assert desk.find("last").id == 1
    assert desk.find("1_4").id == 6


@pytest.mark.parametrize(
    ("ranges", "error", "words"),
    [
        (((0, 0, 1), (0, 0, 1)), UsageError, "the index 0 is twice"),
        (((0, 2**50, 2), (1, 2**50, 2)), Refused, "the limit is 1000000"),
        (tuple((n, 999_000 + n, 1000) for n in (*range(999), 7)), UsageError, "the index 7 is twice"),
    ],
)
async def test_ranges_of_an_array_are_checked_in_a_bounded_time(desk, ranges, error, words):
    with pytest.raises(error, match=words):
        desk.intake.checked(spec(array=ArraySpec(ranges)))


async def test_an_array_says_for_what_its_tasks_wait(desk):
    array, _ = await desk.queue.submit(spec(array=ArraySpec(((0, 2, 1),))), ALICE, None)
    task = desk.queue.next_task(array.id)
    desk.queue.record([decide.starting(task, "t" * 16, ())])
    assert desk.reasons(desk.queue.find(array.id)) == [
        "job 1 is running",
        "2 of its tasks wait for their turn",
    ]
