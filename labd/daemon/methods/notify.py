"""``notify.*``: where notifications can go, and a try."""

import secrets
from difflib import get_close_matches
from typing import Any

import msgspec
import trio

from labd.api.methods import Call, Method, Role
from labd.daemon.notices.owed import trial
from labd.daemon.notices.service import Notices
from labd.errors import NotFound


class Test(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    target: str


class NotifyMethods:
    """The handlers."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    def all(self) -> list[Method]:
        return [
            Method("notify.list", self.list, doc="The targets of notifications, and what they are owed."),
            Method("notify.test", self.test, Test, Role.SUBMIT, "Send a message to a target, once, now."),
        ]

    async def list(self, call: Call, ask: object) -> dict[str, Any]:
        waiting = self._notices.waiting()
        senders = self._notices.senders
        return {
            "targets": [
                {
                    "name": name,
                    "kind": target.kind,
                    "waiting": waiting.get(name, 0),
                    "error": senders.problem(name) or self._notices.errors.get(name, ""),
                }
                for name, target in senders.targets.items()
            ]
        }

    async def test(self, call: Call, ask: Test) -> dict[str, Any]:
        senders = self._notices.senders
        if ask.target not in senders.targets:
            near = get_close_matches(ask.target, senders.targets, 1)
            raise NotFound(
                f"there is no notification target {ask.target!r}",
                hint=f"did you mean {near[0]}?" if near else "labctl notify lists them",
            )
        began = trio.current_time()
        message = trial(ask.target, f"test-{secrets.token_hex(8)}", call.peer.name, self._notices.origin)
        error = await senders.send(ask.target, message)
        return {
            "target": ask.target, "sent": not error, "error": error,
            "seconds": round(trio.current_time() - began, 3),
        }  # fmt: skip
