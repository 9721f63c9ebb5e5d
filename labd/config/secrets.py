"""Secrets: a value that never prints itself, and where its text is read from.

A text setting may say where its value is instead of saying the value::

    token = { env = "MY_TOKEN" }          # an environment variable of the daemon
    token = { file = "token.txt" }        # a file, relative to the configuration file
    token = { credential = "token" }      # systemd's LoadCredential=, see systemd.exec(5)
"""

import hmac
import os
from collections.abc import Mapping
from typing import Any, NoReturn

REFERENCES = ("env", "file", "credential")
_LIMIT = 65_536


class Secret:
    """Text that shows as ``***`` wherever it is printed; :meth:`reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself: hand it to whoever needs it, and keep it nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied to another process")


class BadSecret(Exception):
    """A reference that leads nowhere, or a secret where it must not stand; says what to do."""


def is_reference(value: object) -> bool:
    """Whether *value* looks like ``{ env = ... }``, ``{ file = ... }`` or ``{ credential = ... }``."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in REFERENCES


def resolve(reference: dict[str, Any], env: Mapping[str, str], folder: str) -> str:
    """The text that *reference* names; *folder* is where relative files are. Raises BadSecret."""
    kind, name = next(iter(reference.items()))
    if not isinstance(name, str) or not name:
        raise BadSecret(f"{kind} must be the name of one, as text")
    if kind == "env":
        return _variable(name, env)
    if kind == "file":
        return _content(os.path.join(folder, os.path.expanduser(name)))
    return _credential(name, env)


def _variable(name: str, env: Mapping[str, str]) -> str:
    if name not in env:
        raise BadSecret(f"the environment variable {name} is not set")
    return env[name]


def _credential(name: str, env: Mapping[str, str]) -> str:
    folder = env.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise BadSecret("there is no $CREDENTIALS_DIRECTORY: add LoadCredential= to the unit of labd")
    if "/" in name or name.startswith("."):
        raise BadSecret(f'"{name}" cannot be a credential: it is a plain name, not a path')
    return _content(f"{folder}/{name}")


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            raw = file.read(_LIMIT + 1)
        if len(raw) > _LIMIT:
            raise BadSecret(f"{path} is too long for a secret: at most {_LIMIT} bytes")
        return raw.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise BadSecret(f"cannot read {path}: {error.strerror}") from None
    except (UnicodeDecodeError, ValueError):
        raise BadSecret(f"{path} is not UTF-8 text") from None
