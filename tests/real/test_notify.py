"""Notifications with real processes: receivers that come, go and hang, a daemon that is killed."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import PATIENCE, DaemonProcess
from tests.real.folding import differences
from tests.real.plugin import install
from tests.receiver import Receiver
from tests.support import wait_until

pytestmark = pytest.mark.real

Make = Callable[..., DaemonProcess]
CHAT = [{"target": "chat"}]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


def target(daemon: DaemonProcess, name: str, text: str) -> None:
    before = daemon.config.read_text() or "[notify]\nretry_delay = 0.2\ntries = 1000\n"
    daemon.config.write_text(f"{before}[notify.targets.{name}]\n{text}\n")


def webhook(url: str, timeout: float = 15) -> str:
    return f'kind = "webhook"\nurl = "{url}"\ntimeout = {timeout}'


def test_a_webhook_hears_of_the_end_after_the_last_attempt(make_daemon: Make, receiver: Receiver) -> None:
    daemon = make_daemon()
    target(daemon, "chat", webhook(receiver.url))
    daemon.start()
    wishes = ["started:chat", "chat", "failed:chat"]
    words = [word for wish in wishes for word in ("--notify", wish)]
    done = daemon.labctl(
        "submit", *words, "--name", "train", "--retries", "1", "--wait", "sh", "-c", "exit 3"
    )
    assert done.returncode == 3
    wait_until(lambda: len(receiver.got) == 3, PATIENCE)
    assert [one["event"]["kind"] for one in receiver.got] == ["job.started", "job.started", "job.failed"]
    last = receiver.got[-1]
    assert last["text"].startswith("job 1 (train) failed after 0.")
    assert last["text"].endswith(" s: exit code 3")
    assert (last["job"]["id"], last["job"]["exit_code"], last["job"]["attempt"]) == (1, 3, 2)
    wait_until(lambda: len(daemon.events("notify.sent", 1)) == 3, PATIENCE)
    assert differences(daemon.state) == []


def test_a_receiver_that_was_down_is_told_when_it_is_up(make_daemon: Make) -> None:
    with Receiver() as first:
        url, port = first.url, first.port
    daemon = make_daemon()
    target(daemon, "chat", webhook(url))
    daemon.start()
    daemon.ended(*(daemon.submit("true", notify=CHAT) for _ in range(3)))
    wait_until(lambda: _targets(daemon)[0]["waiting"] == 3 and _targets(daemon)[0]["error"], PATIENCE)
    assert "cannot reach it" in _targets(daemon)[0]["error"]
    with Receiver(port=port) as receiver:
        wait_until(lambda: len(receiver.got) == 3, PATIENCE)
        wait_until(lambda: len(daemon.events("notify.sent")) == 3, PATIENCE)
        assert len(receiver.got) == 3
    assert {one["job"]["id"] for one in receiver.got} == {1, 2, 3}
    assert max(event["data"]["tries"] for event in daemon.events("notify.sent")) > 1


def test_what_is_owed_survives_the_death_of_the_daemon(make_daemon: Make) -> None:
    """One job ends while labd lives and nobody receives; another ends while there is no labd."""
    daemon = make_daemon()
    with Receiver(503) as receiver:
        target(daemon, "chat", webhook(receiver.url))
        daemon.start()
        early = daemon.submit("true", notify=CHAT)
        daemon.ended(early)
        late = daemon.shell(f"while ! test -e {daemon.folder}/go; do sleep 0.05; done", notify=CHAT)
        daemon.until_state(late, "running")
        wait_until(lambda: receiver.asked, PATIENCE)
        daemon.kill()
        Path(daemon.folder, "go").touch()
        daemon.until_exit(late)
        receiver.answer = 204
        daemon.start()
        wait_until(lambda: {one["job"]["id"] for one in receiver.got} == {early, late}, PATIENCE)
    assert all("succeeded" in one["text"] for one in receiver.got)


def test_a_receiver_that_hangs_delays_neither_jobs_nor_others(make_daemon: Make, receiver: Receiver) -> None:
    daemon = make_daemon()
    with Receiver(None) as hanging:
        target(daemon, "dead", webhook(hanging.url, 600))
        target(daemon, "chat", webhook(receiver.url))
        daemon.start()
        both = [{"target": "dead"}, {"target": "chat"}]
        jobs = [daemon.submit("true", notify=both) for _ in range(5)]
        wait_until(lambda: hanging.asked, PATIENCE)
        began = time.monotonic()
        jobs += [daemon.submit("true", notify=both) for _ in range(5)]
        daemon.ended(*jobs)
        assert time.monotonic() - began < 30
        wait_until(lambda: len(receiver.got) == 10, PATIENCE)
        assert hanging.asked == 1
        assert daemon.kill(15) == 0  # and the try in progress does not hold up the stop
        assert time.monotonic() - began < 60


def test_a_command_is_run_and_a_test_says_so(make_daemon: Make) -> None:
    daemon = make_daemon()
    file = Path(daemon.folder, "told")
    target(daemon, "log", f'kind = "command"\nargv = ["/bin/sh", "-c", "cat >> {file}; echo >> {file}"]')
    target(daemon, "bad", 'kind = "command"\nargv = ["/bin/sh", "-c", "echo no room >&2; exit 3"]')
    daemon.start()
    assert daemon.labctl("notify", "test", "log").returncode == 0
    done = daemon.labctl("notify", "test", "bad")
    assert (done.returncode, done.stderr) == (1, "Not sent to bad: exit code 3: no room\n")
    daemon.ended(daemon.submit("true", notify=[{"target": "log", "when": "succeeded"}]))
    wait_until(lambda: len(file.read_text().splitlines()) == 2, PATIENCE)
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["job"] and one["job"]["state"] for one in told] == [None, "succeeded"]


def test_a_target_of_a_plugin_and_a_reload_that_mends_one(make_daemon: Make) -> None:
    daemon = make_daemon()
    install(
        daemon,
        "shout",
        f"""
        import msgspec
        from labd.api import Notifier, hookimpl

        class Room(msgspec.Struct):
            room: str

        def send(settings, message):
            with open("{daemon.folder}/shouted", "a") as file:
                file.write(settings.room + ": " + message["text"] + "\\n")

        @hookimpl
        def labd_notifiers(node):
            return Notifier("shout", send, Room)
        """,
    )
    target(daemon, "chat", 'kind = "shout"\nsettings = {rom = "a"}')
    daemon.start()
    assert "required field `room`" in _targets(daemon)[0]["error"]
    daemon.ended(daemon.submit("true", notify=CHAT))
    daemon.config.write_text(daemon.config.read_text().replace("rom =", "room ="))
    assert daemon.call("daemon.reload")["needs_restart"] == []
    wait_until(Path(daemon.folder, "shouted").exists, PATIENCE)
    wait_until(lambda: daemon.events("notify.sent"), PATIENCE)
    assert Path(daemon.folder, "shouted").read_text().startswith("a: job 1 succeeded")


def _targets(daemon: DaemonProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.call("notify.list")["targets"]
    return found
