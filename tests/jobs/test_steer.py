"""What people can ask of a job, in every state."""

import pytest

from labd.errors import Conflict
from labd.jobs import decide, steer
from labd.jobs.decide import Ending
from labd.jobs.model import STATES, apply
from tests.jobs.build import Clocks, a_job, event


def do(job, drafts):
    for number, draft in enumerate(drafts, 20):
        job = apply(job, event(draft.kind, number, draft.cause, **draft.data))
    return job


COMMANDS = {
    "hold": (lambda job: steer.hold(job, "a"), {"queued": "held", "blocked": "held"}),
    "release": (lambda job: steer.release(job, "a", waits_for_others=False), {"held": "queued"}),
    "pause": (lambda job: steer.pause(job, "a"), {"running": "paused"}),
    "resume": (lambda job: steer.resume(job, "a"), {"paused": "running"}),
    "requeue": (lambda job: steer.requeue(job, "a", "x"), {"running": "running", "paused": "paused"}),
    "prioritise": (
        lambda job: steer.prioritise(job, "a", 5),
        {"held": "held", "blocked": "blocked", "queued": "queued"},
    ),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_every_state(command, state):
    ask, allowed = COMMANDS[command]
    if state in allowed:
        assert do(a_job(state), ask(a_job(state))).state == allowed[state]
    else:
        with pytest.raises(Conflict, match=f"job 1 is {state.replace('_', ' ')}: it cannot be"):
            ask(a_job(state))


def test_a_released_job_may_still_wait_for_others():
    job = do(a_job("held"), steer.release(a_job("held"), "a", waits_for_others=True))
    assert job.state == "blocked"


def test_a_requeued_job_waits_again_as_a_new_attempt_and_spends_no_retry():
    asked = do(a_job("running", retries=1), steer.requeue(a_job("running"), "a", "the disk moves"))
    queued = do(asked, decide.ended(asked, Ending(reason="cancelled", signal=15), Clocks()))
    assert (queued.state, queued.retries_left, queued.why_queued) == ("queued", 1, "the disk moves")
    assert queued.cancel_reason is None
    again = do(queued, [decide.starting(queued, "t" * 16, ())])
    assert (again.attempt, again.requeue, again.current.cause) == (2, False, "the disk moves")


def test_a_new_priority_is_in_the_record():
    assert do(a_job(), steer.prioritise(a_job(), "a", 7)).spec.priority == 7


@pytest.mark.parametrize(("code", "again"), [(75, True), (1, False)])
def test_retries_can_be_narrowed_to_exit_codes(code, again):
    job = a_job("running", retries=1, retry_on=[75])
    drafts = decide.ended(job, Ending(reason="exited", exit_code=code), Clocks())
    assert (len(drafts) == 2) == again
