"""The folder is the truth, and Slurm is believed in time."""

import pytest
from labd_slurm.squeue import Seen
from labd_slurm.verdict import View, judge

PATIENCE = 60.0


def seen(state, reason="", code=0):
    return Seen("7_1", state, reason, "n1", code)


def stand(found, view, **more):
    verdict = judge(found, view, PATIENCE, **more)
    return verdict.state, verdict.act


@pytest.mark.parametrize("view", [View(), View(away="gone"), View(seen("FAILED"), gone_for=99)])
def test_what_the_folder_says_goes_before_slurm(view):
    for found in ("running", "ended", "never"):
        assert stand(found, view) == (found, "")


def test_without_an_answer_nothing_is_made_again():
    for found in ("waiting", "lost"):
        assert stand(found, View(away="no controller", gone_for=1e9)) == ("unknown", "")
    assert "no controller" in judge("waiting", View(away="no controller"), PATIENCE).reason


def test_a_lock_that_is_not_seen_from_here_is_no_loss_while_slurm_runs_it():
    assert stand("lost", View(seen("RUNNING"))) == ("running", "")
    assert stand("lost", View(seen("COMPLETING"), gone_for=99)) == ("running", "")


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "PREEMPTED", "TIMEOUT"])
def test_a_folder_may_be_late(state):
    assert stand("waiting", View(seen(state), gone_for=1)) == ("waiting", "")
    assert stand("lost", View(seen(state), gone_for=1)) == ("running", "")


@pytest.mark.parametrize(
    ("found", "slurms", "state", "act"),
    [
        ("waiting", None, "never", "void"),
        ("waiting", seen("NODE_FAIL"), "never", "void"),
        ("waiting", seen("BOOT_FAIL"), "never", "void"),
        ("waiting", seen("PREEMPTED"), "never", "void"),
        ("waiting", seen("CANCELLED"), "cancelled", "void"),
        ("waiting", seen("FAILED", code=127), "ended", "fail"),
        ("waiting", seen("DEADLINE"), "ended", "fail"),
        ("lost", None, "lost", ""),
        ("lost", seen("NODE_FAIL"), "evicted", ""),
        ("lost", seen("PREEMPTED"), "evicted", ""),
        ("lost", seen("CANCELLED"), "cancelled", ""),
        ("lost", seen("OUT_OF_MEMORY"), "lost", ""),
    ],
)
def test_ends_that_only_slurm_knows_of(found, slurms, state, act):
    assert stand(found, View(slurms, gone_for=PATIENCE)) == (state, act)


@pytest.mark.parametrize(
    ("state", "found"), [("CANCELLED", "cancelled"), ("PREEMPTED", "evicted"), ("TIMEOUT", "ended")]
)
def test_who_ended_what_was_told_to_end(state, found):
    assert stand("ended", View(seen(state)), told=True) == (found, "")
    assert stand("ended", View(seen(state))) == ("ended", "")


def test_a_controller_that_was_away_cancels_what_it_makes_no_sense_of():
    view = View(seen("CANCELLED"), gone_for=PATIENCE, unsure=True)
    assert stand("waiting", view) == ("never", "void")
    assert stand("ended", view, told=True) == stand("lost", view) == ("evicted", "")


def test_what_slurm_started_again_was_evicted_before():
    assert stand("lost", View(seen("FAILED", "NonZeroExitCode", 70), gone_for=PATIENCE)) == ("evicted", "")
    assert stand("lost", View(seen("FAILED", "NonZeroExitCode", 1), gone_for=PATIENCE)) == ("lost", "")


def test_what_slurm_could_not_launch_is_not_waited_for():
    for reason in ("JobHeldAdmin", "JobHeldUser", "BeginTime"):
        put_back = seen("PENDING", reason)._replace(restarts=1)
        assert stand("waiting", View(put_back)) == ("never", "void")
        assert stand("waiting", View(seen("PENDING", reason))) == ("waiting", "")  # somebody wants it so
    assert stand("waiting", View(seen("PENDING", "Priority")._replace(restarts=1))) == ("waiting", "")


@pytest.mark.parametrize(
    ("slurms", "said"),
    [
        (seen("CANCELLED", "by 1000"), "Slurm's job 7_1 was cancelled in Slurm by 1000"),
        (seen("TIMEOUT"), "Slurm's job 7_1 was ended by Slurm at its time limit"),
        (seen("FAILED", "NonZeroExitCode", 127), "Slurm's job 7_1 failed with exit code 127"),
        (seen("FAILED", "BadConstraints", -9), "Slurm's job 7_1 failed with signal 9: BadConstraints"),
        (seen("DEADLINE"), "Slurm's job 7_1 ended as DEADLINE"),
    ],
)
def test_ends_in_words(slurms, said):
    assert judge("ended", View(slurms), PATIENCE).reason == said
