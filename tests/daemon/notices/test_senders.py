"""One try of each kind of target: what arrives, and what is said when it does not."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import trio

from labd.api import Notifier
from labd.config import Secret, Target
from labd.daemon.notices import child
from labd.daemon.notices.senders import Senders
from tests.daemon_process import carrying
from tests.receiver import Receiver
from tests.support import wait_until_async

MESSAGE = {"id": "e1-4-x", "text": "job 4 failed", "host": "lab1", "event": None, "job": None}
FREE = "http://127.0.0.1:9/"
"""Nobody listens at the port named discard."""


def senders(target, **notifiers):
    found = Senders(notifiers)
    found.targets = {"x": target}
    return found


def webhook(url, **more):
    return Target(kind="webhook", url=Secret(url), **more)


def command(text, **more):
    return Target(kind="command", argv=["/bin/sh", "-c", text], **more)


async def test_a_webhook_gets_the_message_as_json_with_its_headers():
    with Receiver() as receiver:
        target = webhook(receiver.url, headers={"Authorization": Secret("Bearer abc")})
        assert await senders(target).send("x", MESSAGE) == ""
    assert receiver.got == [MESSAGE]
    assert receiver.headers[0]["Authorization"] == "Bearer abc"
    assert receiver.headers[0]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "said"), [(500, "it answered 500 Internal Server Error"), (302, "it answered 302 Found")]
)
async def test_any_answer_but_2xx_is_a_failure(answer, said):
    with Receiver(answer) as receiver:
        assert await senders(webhook(receiver.url)).send("x", MESSAGE) == said


async def test_who_cannot_be_reached_is_said():
    assert "cannot reach it" in await senders(webhook(FREE)).send("x", MESSAGE)


async def test_a_receiver_that_never_answers_is_late():
    with Receiver(None) as receiver:
        said = await senders(webhook(receiver.url, timeout=0.5)).send("x", MESSAGE)
    assert said == "no end after 0.5 s"


async def test_a_command_gets_the_message_as_its_input(tmp_path):
    target = command(f"cat > {tmp_path}/got; echo $LABD_NOTICE_ID $LABD_NOTICE_TEXT > {tmp_path}/env")
    assert await senders(target).send("x", MESSAGE) == ""
    assert msgspec.json.decode((tmp_path / "got").read_bytes()) == MESSAGE
    assert (tmp_path / "env").read_text() == "e1-4-x job 4 failed\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "exit code 3"),
        ("echo one >&2; echo no such room >&2; exit 1", "exit code 1: no such room"),
        ("kill -9 $$", "signal 9"),
        ("head -c 5000000 /dev/zero >&2; echo >&2; echo y >&2; exit 2", "exit code 2: y"),
    ],
)
async def test_a_command_that_fails_says_why(text, said):
    assert await senders(command(text)).send("x", MESSAGE) == said


async def test_a_command_that_is_not_there_is_said():
    target = Target(kind="command", argv=["/nonexistent/notify"])
    assert "/nonexistent/notify" in await senders(target).send("x", MESSAGE)


async def test_a_command_that_is_late_is_ended_with_all_that_it_started(monkeypatch):
    monkeypatch.setenv("LABD_TEST_LATE", mark := f"late-{os.getpid()}")
    target = command("sleep 1000 & trap '' TERM; sleep 1000", timeout=0.5)
    assert await senders(target).send("x", MESSAGE) == "no end after 0.5 s"
    await wait_until_async(lambda: not carrying(mark), 10)


async def test_a_try_that_is_cancelled_leaves_no_process(monkeypatch, tmp_path):
    monkeypatch.setenv("LABD_TEST_LATE", mark := f"cancelled-{os.getpid()}")
    with trio.move_on_after(30) as scope:
        async with trio.open_nursery() as nursery:
            target = command(f"trap '' TERM; touch {tmp_path}/there; sleep 1000")
            nursery.start_soon(senders(target).send, "x", MESSAGE)
            await wait_until_async(Path(tmp_path, "there").exists, 20)
            nursery.cancel_scope.cancel()
    assert not scope.cancelled_caught
    await wait_until_async(lambda: not carrying(mark), 10)


class Room(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    room: str
    size: int = 1


def plugin(send, **settings):
    target = Target(kind="shout", settings=settings)
    return senders(target, shout=Notifier("shout", send, Room))


async def test_a_plugin_gets_its_settings_and_the_message():
    got = []

    async def awaiting(settings, message):
        await trio.lowlevel.checkpoint()
        got.append((settings, message))

    def plain(settings, message):
        assert not trio.lowlevel.in_trio_run()
        got.append((settings, message))

    for send in (awaiting, plain):
        assert await plugin(send, room="a", size="3").send("x", MESSAGE) == ""
    assert got == [(Room("a", 3), MESSAGE)] * 2


async def test_what_a_plugin_raises_is_why_and_one_that_hangs_is_late(autojump_clock):
    async def broken(settings, message):
        raise OSError("no such room")

    async def hanging(settings, message):
        await trio.sleep_forever()

    assert await plugin(broken, room="a").send("x", MESSAGE) == "OSError: no such room"
    assert await plugin(hanging, room="a").send("x", MESSAGE) == "no end after 15 s"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (senders(Target(kind="shuot")), "nothing offers the kind shuot; there are: command"),
        (plugin(print), "settings: Object missing required field `room`"),
        (Senders({}), "there is no target x in the configuration"),
    ],
)  # fmt: skip
async def test_a_target_that_cannot_work_says_so(found, said):
    assert found.problem("x").startswith(said)
    assert await found.send("x", MESSAGE) == found.problem("x")


def order(**more):
    return {"url": "json://lab", "message": MESSAGE, "timeout": 5} | more


def fake_apprise(monkeypatch, **answers):
    said = []

    class Apprise:
        def add(self, url):
            said.append(url)
            return answers.get("add", True)

        def notify(self, **fields):
            said.append(fields)
            return answers.get("notify", True)

    monkeypatch.setitem(sys.modules, "apprise", SimpleNamespace(Apprise=Apprise))
    return said


def test_apprise_gets_the_sentence(monkeypatch):
    said = fake_apprise(monkeypatch)
    child.apprise(order())
    assert said == ["json://lab", {"body": "job 4 failed", "title": "labd on lab1"}]


@pytest.mark.parametrize(
    ("answers", "said"), [({"add": False}, "does not understand"), ({"notify": False}, "could not deliver")]
)  # fmt: skip
def test_what_apprise_cannot_do_is_said(monkeypatch, answers, said):
    fake_apprise(monkeypatch, **answers)
    with pytest.raises(child.Undelivered, match=said):
        child.apprise(order())


def test_without_apprise_the_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(child.Undelivered, match=r"pip install labd\[apprise\]"):
        child.apprise(order())


async def test_a_real_apprise_delivers():
    pytest.importorskip("apprise", reason="the Python package apprise is not installed")
    with Receiver(200) as receiver:
        target = Target(kind="apprise", url=Secret(f"json://127.0.0.1:{receiver.port}/"))
        assert await senders(target).send("x", MESSAGE) == ""
    assert receiver.got[0]["message"] == "job 4 failed"
