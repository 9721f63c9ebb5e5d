"""Who asks over HTTP."""

import os
import stat
from types import SimpleNamespace
from typing import Any

import pytest

from labd.api.methods import Peer, Role
from labd.config.http import Http, Token
from labd.config.model import Access
from labd.config.secrets import Secret
from labd.daemon.web.doors import Doors, key_at
from labd.errors import StateError

KEY = b"k" * 64
OWN = os.getuid()
PROM = "0123456789abcdef-prom"


def asked(authorization: str) -> Any:
    return SimpleNamespace(
        headers={b"authorization": authorization.encode("latin-1")} if authorization else {}
    )


@pytest.fixture
def doors():
    doors = Doors(KEY, OWN)
    doors.configure(Http(tokens={"prom": Token(token=Secret(PROM), role="view")}), Access())
    return doors


def test_a_token_of_the_configuration_has_its_role(doors):
    peer = doors.authenticate(asked(f"Bearer {PROM}"), None)
    assert (peer.role, peer.uid) == (Role.VIEW, OWN)


def test_ones_own_token_has_ones_own_role(doors):
    peer = doors.authenticate(asked(f"bearer {doors.token_of(OWN)}"), None)
    assert (peer.role, peer.uid) == (Role.ADMIN, OWN)


def test_the_role_of_another_user_is_that_of_the_present_configuration():
    import pwd

    other = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, OWN))
    doors = Doors(KEY, OWN)
    said = asked(f"Bearer {doors.token_of(other.pw_uid)}")
    doors.configure(Http(), Access(view=["*"], submit=[]))
    assert doors.authenticate(said, None).role == Role.VIEW
    doors.configure(Http(), Access(view=[], submit=[]))
    assert doors.authenticate(said, None).role == Role.NONE


WRONG = [
    "", "Bearer", "Bearer ", f"Basic {PROM}", PROM, f"Bearer {PROM}x", f"Bearer {PROM[:-1]}",
    "Bearer labd-0-", f"Bearer labd-{OWN}-{'0' * 64}", "Bearer labd--1-x",
    "Bearer labd-99999999999999-x", "Bearer \xff\xfe",
]  # fmt: skip


@pytest.mark.parametrize("said", WRONG)
def test_wrong_tokens_are_nobody(doors, said):
    assert doors.authenticate(asked(said), None) is None


def test_a_token_is_no_good_for_another_user_or_another_key(doors):
    mine = doors.token_of(OWN)
    theirs = mine.replace(f"labd-{OWN}-", f"labd-{OWN + 1}-")
    assert doors.authenticate(asked(f"Bearer {theirs}"), None) is None
    assert doors.authenticate(asked(f"Bearer {Doors(b'x' * 64, OWN).token_of(OWN)}"), None) is None


def test_on_a_unix_socket_the_kernel_says_who_asks(doors):
    bob = Peer(pid=1, uid=1, gid=1, name="bob", role=Role.SUBMIT)
    assert doors.authenticate(asked(""), bob) is bob
    assert doors.authenticate(asked(f"Bearer {PROM}"), bob).role == Role.VIEW
    assert doors.authenticate(asked("Bearer wrong"), bob) is None


def test_a_token_of_nobody_is_trouble_and_lets_nobody_in():
    doors = Doors(KEY, OWN)
    doors.configure(Http(tokens={"x": Token(token=Secret(PROM), user="no-such-user")}), Access())
    assert doors.problems == ["http.tokens.x: there is no user 'no-such-user'"]
    assert doors.authenticate(asked(f"Bearer {PROM}"), None) is None


def test_the_key_is_kept_for_us_alone(tmp_path):
    path = tmp_path / "r" / "http.key"
    key = key_at(str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key_at(str(path)) == key


@pytest.mark.parametrize("spoil", ["open", "short"])
def test_a_key_that_others_may_know_is_made_anew(tmp_path, spoil):
    path = tmp_path / "http.key"
    key = key_at(str(path))
    if spoil == "open":
        path.chmod(0o644)
    else:
        path.write_bytes(key[:10])
    assert key_at(str(path)) != key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_is_never_read_through_a_link(tmp_path):
    (tmp_path / "theirs").write_bytes(b"a" * 64)
    (tmp_path / "http.key").symlink_to(tmp_path / "theirs")
    with pytest.raises(StateError, match="no key for tokens"):
        key_at(str(tmp_path / "http.key"))
