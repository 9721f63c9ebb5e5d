"""Roles by the kernel's word."""

import os
import socket

import pytest

from labd.api.methods import Role
from labd.config import Access
from labd.daemon.peers import base_environment, credentials, identify, role_of, runs_as, user_name

ACCESS = Access(view=["*"], submit=["alice", "@lab"], operate=["@ops"], admin=["root"])


@pytest.mark.parametrize(
    ("name", "groups", "role"),
    [
        ("eve", set(), Role.VIEW),
        ("alice", set(), Role.SUBMIT),
        ("bob", {"lab"}, Role.SUBMIT),
        ("bob", {"lab", "ops"}, Role.OPERATE),
        ("root", set(), Role.ADMIN),
    ],
)
def test_the_highest_role_counts(name, groups, role):
    assert role_of(name, groups, ACCESS) is role


def test_nobody_has_a_role_when_nothing_is_granted():
    assert role_of("eve", set(), Access(view=[], submit=[])) is Role.NONE


def test_a_user_and_a_group_of_one_name_are_two_things():
    assert role_of("lab", set(), Access(view=[], submit=["@lab"])) is Role.NONE


def test_the_kernel_says_who_we_are():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid, uid, gid, groups = credentials(ours)
        assert (pid, uid, gid) == (os.getpid(), os.getuid(), os.getgid())
        assert set(groups) == set(os.getgroups())
        assert identify(ours, Access(view=[], submit=[]), os.getuid()).role is Role.ADMIN


def test_a_uid_without_a_name_is_its_number():
    assert user_name(4_000_000_000) == "4000000000"
    assert base_environment("no-such-user")["USER"] == "no-such-user"


def test_only_root_runs_jobs_as_somebody_else():
    assert runs_as(1000, 1000, "no-such-user", own_uid=500) is None
    assert runs_as(0, 0, "root", own_uid=0) is None
    assert runs_as(4_000_000_000, 7, "no-such-user", own_uid=0)[:2] == (4_000_000_000, 7)
