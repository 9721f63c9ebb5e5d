"""From the traces of attempts to the events that were lost."""

import msgspec
import pytest

from labd.jobs import model, rebuild
from labd.jobs.attempts import Finding
from labd.jobs.model import Attempt, Job
from labd.jobs.traces import Trace
from tests.jobs.build import Clocks, a_job, event

EXITED = Finding("exited", {}, {"reason": "exited", "exit_code": 3, "signal": None, "ended": 7.0})
CANCELLED = Finding("exited", {}, {"reason": "cancelled", "exit_code": None, "signal": 15})


def trace(number: int, finding: Finding, **spec: object) -> Trace:
    job = a_job("starting", **spec)
    current = Attempt(number=number, state="starting", token=f"token {number}", cause="", gpu_ids=(1,))
    return Trace(number, msgspec.structs.replace(job, current=current), finding)


def told(known: Job | None, *traces: Trace) -> tuple[Job, list[str]]:
    """The job after the lost events, and their kinds."""
    drafts = rebuild.lost_events(known, traces, Clocks(), "digest")
    job = known
    for draft in drafts:
        assert rebuild.CAUSE in draft.cause or draft.kind in ("job.failed", "job.lost", "job.queued")
        job = model.apply(job, event(draft.kind, cause=draft.cause, **draft.data))
    assert job is not None
    return job, [draft.kind.removeprefix("job.") for draft in drafts]


@pytest.mark.parametrize("finding", [EXITED, Finding("alive"), Finding("never"), Finding("lost", why="x")])
def test_an_unknown_job_is_where_its_last_attempt_began(finding: Finding) -> None:
    job, kinds = told(None, trace(1, finding, retries=2, name="n"))
    assert kinds == ["submitted", "starting"]
    assert (job.state, job.attempt, job.spec.name, job.retries_left) == ("starting", 1, "n", 2)
    assert job.current is not None
    assert (job.current.token, job.current.gpu_ids) == ("token 1", (1,))
    assert (job.submitted, job.environment) == (a_job().submitted, "digest")


def test_earlier_attempts_end_as_their_records_say_and_use_up_retries() -> None:
    job, kinds = told(None, trace(1, EXITED, retries=2), trace(2, Finding("alive"), retries=2))
    assert kinds == ["submitted", "starting", "failed", "queued", "starting"]
    assert (job.attempt, job.retries_left) == (2, 1)


def test_a_retry_by_hand_uses_up_none() -> None:
    job, kinds = told(None, trace(1, EXITED), trace(2, Finding("alive")))
    assert kinds == ["submitted", "starting", "failed", "queued", "starting"]
    assert (job.attempt, job.retries_left) == (2, 0)


def test_attempts_whose_folders_are_gone_are_not_made_up() -> None:
    job, kinds = told(None, trace(4, Finding("alive")))
    assert kinds == ["submitted", "starting"]
    assert job.attempt == 4


def test_one_that_never_began_and_one_that_was_lost_are_followed_by_the_next() -> None:
    lost = Finding("lost", {}, why="its shim was killed")
    job, kinds = told(None, trace(1, Finding("never")), trace(2, lost), trace(3, Finding("alive")))
    assert kinds == ["submitted", "starting", "never_began", "starting", "lost", "queued", "starting"]
    assert job.attempt == 3


@pytest.mark.parametrize(
    ("state", "way"),
    [
        ("queued", []),
        ("held", ["released"]),
        ("blocked", ["unblocked"]),
    ],
)
def test_a_job_that_waited_in_the_copy_has_begun_since(state: str, way: list[str]) -> None:
    job, kinds = told(a_job(state), trace(1, Finding("alive")))
    assert kinds == [*way, "starting"]
    assert (job.state, job.attempt) == ("starting", 1)


def test_a_job_that_ran_in_the_copy_has_ended_and_run_again_since() -> None:
    job, kinds = told(a_job("running"), trace(1, EXITED), trace(2, Finding("alive")))
    assert kinds == ["failed", "queued", "starting"]
    assert job.attempt == 2


def test_a_job_that_had_ended_in_the_copy_was_retried_since() -> None:
    job, kinds = told(a_job("failed"), trace(2, Finding("alive")))
    assert kinds == ["queued", "starting"]
    assert job.attempt == 2


@pytest.mark.parametrize("known", [None, a_job("running", retries=3)])
def test_an_attempt_that_was_cancelled_is_not_taken_for_a_failure_and_run_again(known: Job | None) -> None:
    job, kinds = told(known, trace(1, CANCELLED, retries=3))
    assert kinds[-1] == "cancel_requested"
    assert job.cancel_reason is not None


def test_a_job_that_runs_as_the_copy_says_needs_nothing() -> None:
    assert rebuild.lost_events(a_job("running"), [trace(1, Finding("alive"))], Clocks()) == []


def test_a_damaged_exit_record_is_no_end() -> None:
    bad = Finding("exited", {}, {"exit_code": "?"})
    assert told(None, trace(1, bad), trace(2, Finding("alive")))[1][2] == "lost"


def test_what_it_waited_for_is_over_and_may_be_unknown() -> None:
    after = [{"job": 1, "when": "ok"}]
    assert told(None, trace(1, Finding("alive"), after=after))[0].spec.after == ()
