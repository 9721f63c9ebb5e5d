"""The transition table is all there is: every lawful step works, every other one is refused."""

import itertools

import pytest

from labd.jobs.model import ENDED, LIVE, STATES, TRANSITIONS, IllegalTransition, apply
from tests.jobs.build import a_job, event

DATA = {
    "attempt": 1, "token": "t" * 16, "gpu_ids": [], "started": 5.0, "automatic": False,
    "priority": 3, "ready_wall": 0.0, "ready_boot": 0.0, "ready_boot_id": "",
}  # fmt: skip


@pytest.mark.parametrize(("state", "kind"), list(itertools.product(STATES, TRANSITIONS)))
def test_every_event_in_every_state(state, kind):
    job, step = a_job(state), event(kind, 9, "why", job=1, **DATA)
    origins, target = TRANSITIONS[kind]
    if state in origins:
        assert apply(job, step).state == (target or state)
    else:
        with pytest.raises(IllegalTransition, match=f"{kind} for job 1, which is {state}"):
            apply(job, step)


def test_live_and_ended_are_all_states():
    assert set(STATES) == LIVE | ENDED
    assert not LIVE & ENDED


def test_nothing_happens_to_a_job_that_was_never_submitted():
    with pytest.raises(IllegalTransition, match="never submitted"):
        apply(None, event("job.started", job=1, **DATA))


def test_an_end_is_kept_with_the_attempt():
    job = apply(
        a_job("running"), event("job.failed", 4, "exit code 3", job=1, attempt=1, exit_code=3, ended=7.5)
    )
    assert (job.current.state, job.current.exit_code, job.current.ended) == ("failed", 3, 7.5)
    assert job.current.reason == "exit code 3"
    assert job.current.started == 1003.0


def test_a_retry_is_a_new_attempt_and_spends_one_when_it_was_automatic():
    failed = a_job("failed", retries=2)
    queued = apply(failed, event("job.queued", 5, "retry", job=1, **DATA | {"automatic": True}))
    again = apply(queued, event("job.starting", 6, "retry", job=1, **DATA | {"attempt": 2}))
    assert (queued.retries_left, again.attempt) == (1, 2)


def test_a_job_that_is_cancelled_while_it_waits_has_no_attempt():
    job = apply(a_job(), event("job.cancelled", 2, "cancelled by alice", job=1, attempt=0))
    assert job.current is None
    assert job.cancel_reason == "cancelled by alice"
