"""TERM, grace, KILL: on a clock that the test holds."""

from signal import SIGKILL, SIGTERM

from labd.jobs.shim.ending import FIRST_PAUSE, LAST_PAUSE, LONGEST_WAIT, Ending


def test_nothing_is_due_without_a_limit() -> None:
    ending = Ending(100.0, None, 5.0)
    assert ending.due(1e9) is None
    assert ending.wait(1e9) is None


def test_the_limit_fires_at_its_time_and_not_before() -> None:
    ending = Ending(100.0, 30.0, 5.0)
    assert ending.due(129.9) is None
    assert ending.wait(129.5) == 0.5
    assert ending.due(130.0) == SIGTERM
    assert ending.reason == "timed_out"


def test_term_until_the_grace_is_over_then_kill_both_again_and_again() -> None:
    ending = Ending(0.0, None, 5.0)
    ending.begin("cancelled", 10.0)
    assert ending.due(10.0) == SIGTERM
    assert ending.due(10.0 + FIRST_PAUSE / 2) is None
    assert ending.due(10.0 + FIRST_PAUSE) == SIGTERM  # whoever was being forked missed the first
    assert 0 < (ending.wait(10.0 + FIRST_PAUSE) or 0.0) <= 2.1 * FIRST_PAUSE
    assert ending.due(15.0) == SIGKILL
    assert ending.due(15.0 + FIRST_PAUSE / 2) is None
    assert ending.due(15.0 + FIRST_PAUSE) == SIGKILL


def test_the_pause_between_kills_grows_to_a_bound() -> None:
    ending, now, pauses = Ending(0.0, None, 0.0), 0.0, []
    ending.begin("exited", now)
    ending.due(now)
    for _ in range(12):
        assert ending.due(now) == SIGKILL
        pauses.append(round(ending.wait(now) or 0.0, 6))
        now += 1.01 * pauses[-1]
    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LAST_PAUSE


def test_a_second_cancel_can_only_bring_the_kill_forward() -> None:
    ending = Ending(0.0, None, 60.0)
    ending.begin("cancelled", 0.0)
    ending.due(0.0)
    ending.begin("cancelled", 1.0, 100.0)
    assert ending.due(59.9) == SIGTERM
    assert 0 < (ending.wait(59.9) or 0.0) <= 0.11
    ending.begin("cancelled", 2.0, 0.0)
    assert ending.due(2.0) == SIGKILL


def test_the_first_reason_stays() -> None:
    ending = Ending(0.0, 1.0, 5.0)
    ending.due(1.0)
    ending.begin("cancelled", 2.0)
    ending.begin("exited", 3.0)
    assert ending.reason == "timed_out"


def test_r26_a_suspended_machine_is_noticed_within_a_minute() -> None:
    ending = Ending(0.0, 86_400.0, 5.0)
    assert ending.wait(1.0) == LONGEST_WAIT
    assert ending.due(86_399.0) is None
    assert ending.due(90_000.0) == SIGTERM


def test_who_uses_too_much_is_killed_without_a_word_before() -> None:
    ending = Ending(0.0, None, 60.0)
    ending.kill("out_of_memory", 5.0)
    assert ending.due(5.0) == SIGKILL
    assert ending.reason == "out_of_memory"
    ending.begin("exited", 5.1)
    assert ending.due(5.0 + FIRST_PAUSE) == SIGKILL


def test_too_much_memory_in_the_grace_time_ends_the_grace_and_not_the_reason() -> None:
    ending = Ending(0.0, None, 60.0)
    ending.begin("cancelled", 1.0)
    assert ending.due(1.0) == SIGTERM
    ending.kill("out_of_memory", 2.0)
    assert (ending.due(2.0), ending.reason) == (SIGKILL, "cancelled")
