"""Workers of maps and jobs that wait, in turns."""

from labd.plugins.fanout.crowd import FIRST_TURN, LONGEST_TURN, Turns


def test_a_worker_goes_after_its_turn_where_a_job_waits():
    turns = Turns()
    assert not turns.over(FIRST_TURN - 0.1, wanted=True)
    assert turns.over(FIRST_TURN, wanted=True)
    assert not turns.over(1e6, wanted=False)


def test_where_going_does_not_help_turns_get_longer_and_no_longer_than_that():
    turns = Turns()
    turns.passed(wanted=True)
    assert not turns.over(2 * FIRST_TURN - 0.1, wanted=True)
    for _ in range(20):
        turns.passed(wanted=True)
    assert turns.over(LONGEST_TURN, wanted=True)
    turns.passed(wanted=False)
    assert turns.over(FIRST_TURN, wanted=True)
