"""A root daemon runs each job as its submitter, and nobody touches another's: with real uids."""

import json
import os
import pwd
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from labd.errors import LabdError
from labd.wire.blocking import Client
from tests.daemon_process import DaemonProcess

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users"),
]

ALICE, BOB = pwd.getpwnam("nobody"), pwd.getpwnam("games")
ENV = {"PATH": "/usr/bin:/bin"}


def as_user(who: pwd.struct_passwd, work: Callable[[], Any]) -> Any:
    """What *work* returns in a process of *who*; a LabdError comes back as its code and message."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setgid(who.pw_gid)
            os.setuid(who.pw_uid)
            os.write(write, json.dumps(_outcome(work)).encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with open(read, "rb") as pipe:
        return json.loads(pipe.read())


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except LabdError as error:
        return {"code": error.code, "message": error.message}


@pytest.fixture
def shared(make_daemon) -> DaemonProcess:
    """A daemon of root that everybody can reach."""
    daemon = make_daemon("access.view=['games', 'nobody']", "access.submit=['games', 'nobody']")
    os.chmod(daemon.folder, 0o711)
    daemon.start()
    os.chmod(f"{daemon.folder}/r", 0o755)
    os.chmod(daemon.socket, 0o666)
    return daemon


def ask(daemon: DaemonProcess, who: pwd.struct_passwd, method: str, **params: Any) -> Any:
    def work() -> Any:
        with Client(daemon.socket, 60) as client:
            reply = client.call(method, params)
            return {k: v.decode() if isinstance(v, bytes) else v for k, v in reply.items()}

    return as_user(who, work)


def submit(daemon: DaemonProcess, who: pwd.struct_passwd, text: str) -> int:
    spec = {"argv": ["/bin/sh", "-c", text], "cwd": "/", "env": ENV}
    return int(ask(daemon, who, "job.submit", spec=spec)["job"]["id"])


def output(daemon: DaemonProcess, job: int) -> str:
    return (daemon.attempt(job) / "out.log").read_text()


def test_a_job_runs_with_its_submitters_uid_groups_and_home(shared):
    text = 'id -u; id -g; echo "$USER $HOME"; echo x > "$LABD_RUN_DIR/file" && echo wrote'
    job = submit(shared, ALICE, text)
    [ended] = shared.ended(job)
    assert (ended["state"], ended["user"]) == ("succeeded", "nobody")
    uid, gid, names, wrote = output(shared, job).splitlines()
    assert (int(uid), int(gid), wrote) == (ALICE.pw_uid, ALICE.pw_gid, "wrote")
    assert names == f"nobody {ALICE.pw_dir}"


def test_a_script_and_reports_work_for_another_user(shared):
    script = '#!/bin/sh\necho \'{"progress": 0.5}\' >> "$LABD_REPORT" && id -u\n'
    job = ask(shared, ALICE, "job.submit", spec={"script": script, "cwd": "/", "env": ENV})["job"]["id"]
    [ended] = shared.ended(job)
    assert (ended["state"], output(shared, job)) == ("succeeded", f"{ALICE.pw_uid}\n")
    assert ask(shared, ALICE, "job.reports", job=job)["reports"][0]["progress"] == 0.5


def test_a_job_cannot_forge_its_own_end_or_read_its_orders(shared):
    tries = ("echo x > exit", "cat order.json", "ls /root")
    job = submit(shared, ALICE, 'cd "$LABD_RUN_DIR/..";' + "; ".join(f"{each} || echo no" for each in tries))
    assert shared.ended(job)[0]["state"] == "succeeded"
    assert output(shared, job).splitlines().count("no") == 3


def test_nobody_ends_reads_or_repeats_the_job_of_another(shared):
    job = submit(shared, ALICE, "sleep 100")
    for method in ("job.cancel", "job.log", "job.retry", "job.reports"):
        refused = ask(shared, BOB, method, job=job)
        assert refused["code"] == "not_permitted", method
        assert "belongs to nobody" in refused["message"]
    assert ask(shared, BOB, "job.show", job=job)["env"] is None
    assert ask(shared, ALICE, "job.show", job=job)["env"] == ENV
    assert ask(shared, ALICE, "job.cancel", job=job)["job"]["state"] in ("running", "cancelled")
    assert shared.ended(job)[0]["state"] == "cancelled"


def test_r10_a_tree_of_another_user_is_ended_to_the_last_process(shared):
    job = submit(shared, ALICE, "setsid sh -c 'trap \"\" TERM; sleep 100' & trap '' TERM; sleep 100")
    shared.until_state(job, "running")
    token = shared.rows("select json_extract(record, '$.token') from attempts where job = ?", job)[0][0]
    shared.call("job.cancel", {"job": job})
    assert shared.ended(job)[0]["state"] == "cancelled"
    left = [p for p in os.listdir("/proc") if p.isdigit() and _carries(p, token)]
    assert left == []


def _carries(pid: str, token: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return token.encode() in file.read()
    except OSError:
        return False


def test_whoever_has_no_role_is_told_so(make_daemon):
    daemon = make_daemon("access.view=[]", "access.submit=[]")
    os.chmod(daemon.folder, 0o711)
    daemon.start()
    os.chmod(f"{daemon.folder}/r", 0o755)
    os.chmod(daemon.socket, 0o666)
    refused = ask(daemon, ALICE, "daemon.status")
    assert refused == {"code": "not_permitted", "message": "nobody has no role here (hello was not answered)"}


def test_a_map_and_its_interpreter_run_as_the_submitter(shared):
    """A program that somebody names is not run with root's rights, not even to ask for its version."""
    if not all(os.stat(folder).st_mode & 0o001 for folder in Path(msgpack.__file__).parents):
        pytest.skip("labd lies where other users cannot read it")
    marks = f"{shared.folder}/marks"
    os.mkdir(marks)
    os.chmod(marks, 0o777)
    python = f"{marks}/python"
    with open(python, "w") as file:
        file.write(f'#!/bin/sh\nid -u >> {marks}/asked\nexec /usr/bin/python3 "$@"\n')
    os.chmod(python, 0o755)
    source = "import os\ndef f(x): return [os.getuid(), os.getgid()]\n"
    spec = {"function": "f", "source": source, "cwd": "/", "env": ENV, "python": python}
    made = ask(shared, ALICE, "map.submit", spec=spec, arguments=b"1\n")["map"]["id"]
    assert ask(shared, ALICE, "map.wait", map=made)["map"]["state"] == "succeeded"
    assert f'"result":[{ALICE.pw_uid}, {ALICE.pw_gid}]' in ask(shared, ALICE, "map.results", map=made)["data"]
    with open(f"{marks}/asked") as file:
        assert set(file.read().split()) == {str(ALICE.pw_uid)}
    assert ask(shared, BOB, "map.results", map=made)["code"] == "not_permitted"
