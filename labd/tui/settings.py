"""``tui.toml``: keys and the look, as one person wants them."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from labd.errors import ConfigError
from labd.tui.themes import DEFAULT, NAMES


class Settings(NamedTuple):
    """*keys* are by the names that the help shows (``jobs.cancel``); *theme* one of ``themes.NAMES``."""

    theme: str = DEFAULT
    keys: Mapping[str, str] = {}


def path(env: Mapping[str, str]) -> str:
    """Where the file is looked for."""
    base = env.get("XDG_CONFIG_HOME", "")
    base = base if base.startswith("/") else os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "labd", "tui.toml")


def load(where: str) -> Settings:
    """The settings in a file; the usual ones where there is none. Raises ConfigError."""
    try:
        with open(where, "rb") as file:
            text = file.read()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return Settings()
    import tomllib  # only those who have the file pay for it

    try:
        table = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {error}", hint="see the how-to page of the terminal interface") from None
    return _checked(table, where)


def _checked(table: dict[str, Any], where: str) -> Settings:
    unknown = sorted(set(table) - {"theme", "keys"})
    if unknown:
        raise ConfigError(f"{where}: there is no setting {unknown[0]!r}", hint="there are theme and [keys]")
    theme, keys = table.get("theme", DEFAULT), table.get("keys", {})
    if theme not in NAMES:
        raise ConfigError(f"{where}: theme: there is no {theme!r}", hint=f"there are {', '.join(NAMES)}")
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise ConfigError(f'{where}: [keys] takes lines such as "jobs.cancel" = "X"')
    return Settings(theme, keys)
