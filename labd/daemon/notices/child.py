"""The process that delivers one message: it may hang, resolve names, load foreign code; the daemon may not.

Standard input is a JSON map (see :func:`labd.daemon.notices.senders.order`). Exit code 0 means delivered;
otherwise the last line of standard error says why not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

LONGEST = 300
"""Characters of a reason that are passed on."""


class Undelivered(Exception):
    """Says why a message was not delivered."""


class Late(BaseException):
    """The time of one try is over; no library may take it for an error of its own."""


def main() -> None:
    """Deliver what standard input says, within its time."""
    order = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, order["timeout"])
    try:
        KINDS[order["kind"]](order)
    except Late:
        _say(f"no end after {order['timeout']:g} s")
        os.killpg(0, signal.SIGKILL)  # and so whatever a command has started
    except Exception as error:  # whatever a library raises is a reason
        _say(str(error) or type(error).__name__)
        sys.exit(1)


def webhook(order: dict[str, Any]) -> None:
    """POST the message as JSON; any 2xx is a success. Proxies are those of the environment."""
    from urllib import error, request

    class Plain(request.HTTPRedirectHandler):
        """A redirected POST would become a GET, and the message would be lost."""

        def redirect_request(self, *_: Any) -> None:
            return None

    headers = {"Content-Type": "application/json", "User-Agent": "labd", **order["headers"]}
    data = json.dumps(order["message"]).encode()
    ask = request.Request(order["url"], data, headers, method="POST")
    try:
        with request.build_opener(Plain).open(ask, timeout=order["timeout"]):
            pass
    except error.HTTPError as answer:
        raise Undelivered(f"it answered {answer.code} {answer.reason}") from None
    except error.URLError as failure:
        raise Undelivered(f"cannot reach it: {failure.reason}") from None


def command(order: dict[str, Any]) -> None:
    """Run the program with the message as its input; exit code 0 is a success."""
    message = order["message"]
    env = os.environ | {"LABD_NOTICE_ID": message["id"], "LABD_NOTICE_TEXT": message["text"]}
    with tempfile.TemporaryFile() as said:
        done = subprocess.run(
            order["argv"], input=json.dumps(message).encode(), env=env, cwd="/",
            stdout=subprocess.DEVNULL, stderr=said, check=False,
        )  # fmt: skip
        if done.returncode:
            how = f"exit code {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
            raise Undelivered(f"{how}{_last_line(said)}")


def _last_line(file: Any) -> str:
    file.seek(max(file.tell() - 2000, 0))
    lines = file.read().decode(errors="replace").split("\n")
    return next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")


def apprise(order: dict[str, Any]) -> None:
    """Hand the sentence to the service that the url names."""
    try:
        from apprise import Apprise
    except ImportError:
        raise Undelivered("apprise is not installed: pip install labd[apprise]") from None
    sender = Apprise()
    if not sender.add(order["url"]):
        raise Undelivered("apprise does not understand the url")
    if not sender.notify(body=order["message"]["text"], title=f"labd on {order['message']['host']}"):
        raise Undelivered("apprise could not deliver it")


KINDS = {"webhook": webhook, "command": command, "apprise": apprise}


def _late(signum: int, frame: object) -> None:
    raise Late


def _say(text: str) -> None:
    print(" ".join(text.split())[:LONGEST], file=sys.stderr, flush=True)  # noqa: T201 - it is how we answer
