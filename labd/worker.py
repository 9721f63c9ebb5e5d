"""For code that labd runs in a worker: tell, ask, and hear that nobody waits any more.

Standard library only. Elsewhere than in a worker :func:`notify` does nothing, :func:`call` raises.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Speaker(Protocol):
        def notify(self, method: str, params: dict[str, Any]) -> None: ...
        def call(self, method: str, params: dict[str, Any]) -> Any: ...
        def cancelled(self) -> bool: ...


_speaker: Speaker | None = None


class CallError(Exception):
    """The plugin refused what :func:`call` asked for; ``code`` says in which way."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def notify(method: str, /, **params: Any) -> None:
    """Tell the plugin something; nobody answers. Raises TypeError for what cannot travel."""
    if _speaker is not None:
        _speaker.notify(method, params)


def call(method: str, /, **params: Any) -> Any:
    """Ask the plugin and wait for the answer. Raises CallError, TypeError for what cannot travel."""
    if _speaker is None:
        raise CallError(f"there is no labd to ask for {method}: this is no worker", "unreachable")
    return _speaker.call(method, params)


def data(path: str) -> str:
    """Where the file *path* is that came along with a map (``data=[...]``); elsewhere *path* itself."""
    return os.path.join(os.environ.get("LABD_DATA", ""), path)


def cancelled() -> bool:
    """Whether nobody waits for the present call any more: worth a look in long loops."""
    return _speaker is not None and _speaker.cancelled()
