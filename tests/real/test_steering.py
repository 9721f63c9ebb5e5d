"""What people ask of jobs that have not ended: with real processes, across restarts."""

import os
import time
from pathlib import Path

import pytest

from labd.errors import Conflict, NotFound, UsageError
from tests.daemon_process import DaemonProcess
from tests.support import wait_until

pytestmark = pytest.mark.real


def states(daemon: DaemonProcess, job: int) -> set[str]:
    """What the kernel says of the processes of the job: R, S, T (stopped) ..."""
    [[token]] = daemon.rows("select json_extract(record, '$.token') from attempts where job = ?", job)
    return {_state(pid) for pid in os.listdir("/proc") if pid.isdigit() and _carries(pid, token)} - {""}


def _state(pid: str) -> str:
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def _carries(pid: str, token: str) -> bool:
    try:
        return token.encode() in Path("/proc", pid, "environ").read_bytes()
    except OSError:
        return False


def test_a_paused_job_stands_still_with_all_its_processes_and_stays_so_over_a_restart(daemon):
    job = daemon.shell("sleep 100 & sleep 100")
    daemon.until_state(job, "running")
    wait_until(lambda: len(states(daemon, job)) and "S" in states(daemon, job))
    assert daemon.call("job.pause", {"job": job})["job"]["state"] == "paused"
    wait_until(lambda: states(daemon, job) == {"T"})
    daemon.restart()
    assert daemon.job(job)["state"] == "paused"
    assert states(daemon, job) == {"T"}
    daemon.call("job.resume", {"job": job})
    wait_until(lambda: states(daemon, job) == {"S"})
    daemon.call("job.cancel", {"job": job})
    assert daemon.ended(job)[0]["state"] == "cancelled"


def test_a_paused_job_can_be_cancelled(daemon):
    job = daemon.shell("sleep 100")
    daemon.until_state(job, "running")
    daemon.call("job.pause", {"job": job})
    daemon.call("job.cancel", {"job": job})
    assert daemon.ended(job)[0]["state"] == "cancelled"


def test_r12_holds_priorities_and_order_survive_a_restart(make_daemon):
    daemon = make_daemon(cores=1).start()
    out = f"{daemon.folder}/order"
    first = daemon.shell("sleep 100", cpus=1)
    daemon.until_state(first, "running")
    jobs = {name: daemon.shell(f"echo {name} >> {out}", cpus=1, name=name) for name in "abcde"}
    daemon.call("job.hold", {"job": jobs["a"]})
    daemon.call("job.prioritise", {"job": jobs["e"], "priority": 5})
    daemon.call("job.prioritise", {"job": jobs["b"], "priority": -5})
    daemon.restart()
    daemon.call("job.cancel", {"job": first})
    daemon.ended(*(jobs[name] for name in "bcde"))
    assert Path(out).read_text().split() == ["e", "c", "d", "b"]
    assert daemon.job(jobs["a"])["state"] == "held"
    daemon.call("job.release", {"job": jobs["a"]})
    assert daemon.ended(jobs["a"])[0]["state"] == "succeeded"


def test_a_requeued_job_runs_again_as_its_next_attempt(daemon):
    job = daemon.shell('test "$LABD_ATTEMPT" = 2 || sleep 100')
    daemon.until_state(job, "running")
    daemon.call("job.requeue", {"job": job, "reason": "the machine is needed"})
    [ended] = daemon.ended(job)
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
    first, second = daemon.attempts(job)
    assert (first["state"], second["cause"]) == ("cancelled", "the machine is needed")


def test_dependencies_hold_over_a_restart_and_end_in_vain_by_name(daemon):
    first = daemon.shell("sleep 100")
    kinds = ("ok", "failed", "any")
    after = {when: daemon.submit("true", after=[{"job": first, "when": when}]) for when in kinds}
    assert {daemon.job(job)["state"] for job in after.values()} == {"blocked"}
    assert daemon.job(after["ok"])["waiting_for"] == f"job {first} to end"
    daemon.restart()
    daemon.call("job.cancel", {"job": first})
    ended = {when: daemon.ended(job)[0] for when, job in after.items()}
    assert {when: job["state"] for when, job in ended.items()} == {
        "ok": "cancelled", "failed": "succeeded", "any": "succeeded",
    }  # fmt: skip
    assert ended["ok"]["reason"] == f"job {first} cancelled, it was to end well"
    with pytest.raises(NotFound, match="there is no job 999"):
        daemon.submit("true", after=[{"job": 999}])
    with pytest.raises(UsageError):
        daemon.submit("true", after=[{"job": first, "when": "whenever"}])


def test_a_job_for_later_waits_for_its_time(daemon):
    began = time.time()
    job = daemon.submit("true", begin=began + 1.5)
    assert "its time" in daemon.job(job)["waiting_for"]
    [ended] = daemon.ended(job)
    assert ended["started"] >= began + 1.4


def test_quotas_and_groups_hold_back_and_why_says_so(make_daemon):
    daemon = make_daemon("jobs.max_running_per_user=2", "jobs.groups={net=1}").start()
    net = [daemon.shell("sleep 100", group="net") for _ in range(2)]
    daemon.until_state(net[0], "running")
    assert daemon.call("job.why", {"job": net[1]})["reasons"] == [
        f"job {net[1]} waits for a place in the group net (it may run 1 job)"
    ]
    others = [daemon.shell("sleep 100") for _ in range(2)]
    daemon.until_state(others[0], "running")
    assert "the limit of 2 running jobs for one user" in daemon.job(others[1])["waiting_for"]
    held = daemon.call("job.why", {"job": others[1]})["held_by"]
    assert sorted(each["holder"] for each in held) == sorted(f"job {n}" for n in (net[0], others[0]))


def test_a_preemptible_job_gives_way_and_runs_again(make_daemon):
    daemon = make_daemon(cores=2).start()
    out = Path(daemon.folder, "out")
    weak = daemon.shell(
        f"echo $LABD_ATTEMPT >> {out}; test $LABD_ATTEMPT = 2 || sleep 100", cpus=2, preemptible=True
    )
    daemon.until_state(weak, "running")
    wait_until(out.exists)
    strong = daemon.shell("true", cpus=1, priority=1)
    ended = {job["id"]: job["state"] for job in daemon.ended(weak, strong)}
    assert ended == {weak: "succeeded", strong: "succeeded"}
    assert out.read_text().split() == ["1", "2"]
    first, second = daemon.attempts(weak)
    assert (first["state"], first["reason"]) == ("cancelled", f"preempted by job {strong}")
    assert second["cause"] == f"preempted by job {strong}"


def test_a_daemon_killed_while_it_preempts_goes_on_with_it(make_daemon):
    daemon = make_daemon(cores=1).start()
    weak = daemon.shell(
        "trap '' TERM; test $LABD_ATTEMPT = 2 || sleep 100", cpus=1, preemptible=True, grace=1.0
    )
    daemon.until_state(weak, "running")
    strong = daemon.shell("true", cpus=1, priority=1)
    wait_until(lambda: daemon.events("job.requeue_requested", weak))
    daemon.restart()
    assert {job["state"] for job in daemon.ended(weak, strong)} == {"succeeded"}
    assert len(daemon.events("job.requeue_requested", weak)) == 1


def test_a_dry_run_decides_as_the_real_call_and_changes_nothing(daemon):
    running = daemon.shell("sleep 100")
    daemon.until_state(running, "running")
    held = daemon.submit("true", hold=True)
    queued = daemon.submit("true", begin=time.time() + 1000)
    after = daemon.submit("true", after=[{"job": running, "when": "ok"}])
    ended = daemon.submit("true")
    daemon.ended(ended)
    may = {
        "cancel": {running, held, queued, after}, "hold": {queued, after}, "release": {held},
        "pause": {running}, "resume": set(), "requeue": {running}, "retry": {ended},
        "prioritise": {held, queued, after},
    }  # fmt: skip
    before = daemon.events("job.")
    for method, jobs in may.items():
        ask = {"dry_run": True} | ({"priority": 3} if method == "prioritise" else {})
        for job in (running, held, queued, after, ended):
            if job in jobs:
                reply = daemon.call(f"job.{method}", {"job": job, **ask})
                assert reply["job"] == daemon.job(job) | {"waiting_for": reply["job"]["waiting_for"]}
                assert reply["would"][0]["job"] == job
            else:
                with pytest.raises(Conflict):
                    daemon.call(f"job.{method}", {"job": job, **ask})
    lost = daemon.call("job.cancel", {"job": running, "dry_run": True})["would"]
    assert lost == [
        {"kind": "job.cancel_requested", "job": running}, {"kind": "job.cancelled", "job": after},
    ]  # fmt: skip
    assert daemon.events("job.") == before
