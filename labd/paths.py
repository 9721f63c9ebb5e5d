"""Where labd keeps things: systemd's variables first, then the system's or the user's usual places.

systemd sets ``STATE_DIRECTORY`` and its kin for a unit (systemd.exec(5)); ``XDG_*`` are those of the
XDG Base Directory Specification, which says that relative values are to be ignored.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

SYSTEM_SOCKET = "/run/labd/labd.sock"


class Paths(NamedTuple):
    """Absolute paths of one daemon. None of them need exist yet."""

    state: str
    runtime: str
    config: str
    cache: str
    log: str
    socket: str


def find(
    env: Mapping[str, str] | None = None,
    uid: int | None = None,
    state: str | None = None,
    runtime: str | None = None,
    socket: str | None = None,
) -> Paths:
    """Every path for user *uid*; *state*, *runtime* and *socket* win when they are given and not empty."""
    env = os.environ if env is None else env
    uid = os.getuid() if uid is None else uid
    usual = _system() if uid == 0 else _user(env, uid)
    state = _absolute(state) or _from_systemd(env, "STATE_DIRECTORY") or usual.state
    runtime = _absolute(runtime) or _from_systemd(env, "RUNTIME_DIRECTORY") or usual.runtime
    return Paths(
        state=state,
        runtime=runtime,
        config=_from_systemd(env, "CONFIGURATION_DIRECTORY") or usual.config,
        cache=_from_systemd(env, "CACHE_DIRECTORY") or usual.cache,
        log=_from_systemd(env, "LOGS_DIRECTORY") or usual.log,
        socket=_absolute(socket) or f"{runtime}/labd.sock",
    )


def client_socket(
    given: str | None = None, env: Mapping[str, str] | None = None, uid: int | None = None
) -> str:
    """The socket that a client should try.

    In order: *given* (``--socket``), ``$LABD_SOCKET``, the user's own daemon if its socket is there, the
    system's daemon if its socket is there, and else where the user's own would be.
    """
    env = os.environ if env is None else env
    uid = os.getuid() if uid is None else uid
    if chosen := given or env.get("LABD_SOCKET"):
        return chosen
    folder = _xdg(env, "XDG_RUNTIME_DIR")
    own = f"{folder}/labd/labd.sock" if folder else ""
    for candidate in (own, SYSTEM_SOCKET):
        if candidate and os.path.exists(candidate):
            return candidate
    if uid == 0:
        return SYSTEM_SOCKET
    return own or f"/tmp/labd-{uid}/labd.sock"


def _system() -> Paths:
    return Paths("/var/lib/labd", "/run/labd", "/etc/labd", "/var/cache/labd", "/var/log/labd", SYSTEM_SOCKET)


def _user(env: Mapping[str, str], uid: int) -> Paths:
    home = _home(env, uid)
    state = (_xdg(env, "XDG_STATE_HOME") or f"{home}/.local/state") + "/labd"
    runtime = _xdg(env, "XDG_RUNTIME_DIR")
    return Paths(
        state=state,
        runtime=f"{runtime}/labd" if runtime else f"/tmp/labd-{uid}",
        config=(_xdg(env, "XDG_CONFIG_HOME") or f"{home}/.config") + "/labd",
        cache=(_xdg(env, "XDG_CACHE_HOME") or f"{home}/.cache") + "/labd",
        log=f"{state}/log",
        socket="",
    )


def _from_systemd(env: Mapping[str, str], name: str) -> str:
    """The first of the colon-separated folders that a unit may name."""
    return _absolute(env.get(name, "").split(":")[0])


def _xdg(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    return value.rstrip("/") if value.startswith("/") else ""


def _home(env: Mapping[str, str], uid: int) -> str:
    if home := _xdg(env, "HOME"):
        return home
    import pwd  # only a process without HOME needs it, and a client should not pay for it

    try:
        return pwd.getpwuid(uid).pw_dir.rstrip("/")
    except KeyError:
        return f"/tmp/labd-{uid}"


def _absolute(path: str | None) -> str:
    return os.path.abspath(os.path.expanduser(path)) if path else ""
