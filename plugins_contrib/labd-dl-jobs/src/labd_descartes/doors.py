"""Who asks: by a token that this labd has given out, and by nothing else."""

import binascii
import os
import secrets

from labd.api import Call, Method, Node, NotFound, NotPermitted, Peer, Role
from labd_descartes import tokens
from labd_descartes.one import person
from labd_descartes.settings import Settings

DAY = 86_400.0


class Doors:
    """Gives out tokens on the socket of labd, where the kernel says who asks, and knows them again."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._settings: Settings = node.config
        self._secret = b""

    def methods(self) -> list[Method]:
        return [
            Method(
                "descartes.token", self.token, role=Role.SUBMIT, doc="A token for the SDK, for the caller."
            ),
            Method("descartes.revoke", self.revoke, role=Role.ADMIN, doc="No token counts any more."),
        ]

    async def token(self, call: Call, ask: object) -> dict[str, str]:
        if call.peer.pid == 0:
            raise NotPermitted("descartes.token is answered on the socket only", hint="labctl descartes")
        peer, now = call.peer, self._node.clock.wall()
        token = tokens.issue(self._key(), peer.uid, peer.name, now, self._settings.token_days * DAY)
        return {"token": token, "client": tokens.CLIENT}

    async def revoke(self, call: Call, ask: object) -> dict[str, bool]:
        self._secret = self._made()
        return {"revoked": True}

    def person(self, said: bytes) -> Peer | None:
        """Whom the field *Authorization* of a request shows."""
        try:
            uid = tokens.holder(self._key(), said, self._node.clock.wall())
            return None if uid is None else person(uid)
        except (ValueError, KeyError, TypeError, AttributeError, NotFound, binascii.Error):
            return None

    def _key(self) -> bytes:
        if not self._secret:
            try:
                with open(self._path, "rb") as file:
                    self._secret = file.read()
            except FileNotFoundError:
                pass
            self._secret = self._secret if len(self._secret) == 64 else self._made()
        return self._secret

    def _made(self) -> bytes:
        key = secrets.token_hex(32).encode()
        fd = os.open(f"{self._path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{self._path}.new", self._path)
        return key

    @property
    def _path(self) -> str:
        return os.path.join(self._node.folder, "key")
