"""Tensors in pieces: whose they are, how much there may be, and how long they are kept."""

import pytest

from labd.api import NotFound, Overloaded
from labd.plugins.serving.staging import IDLE, Staging

ME, OTHER = 1000, 1001


def test_pieces_become_one_and_are_used_once():
    staging = Staging()
    name = staging.add(ME, "", b"ab", 0.0)
    assert staging.add(ME, name, b"cd", 1.0) == name
    assert staging.take(ME, name) == b"abcd"
    with pytest.raises(NotFound, match="no data called"):
        staging.take(ME, name)


def test_nobody_has_what_another_user_sent():
    staging = Staging()
    name = staging.add(ME, "", b"ab", 0.0)
    for use in (lambda: staging.take(OTHER, name), lambda: staging.add(OTHER, name, b"x", 0.0)):
        with pytest.raises(NotFound):
            use()
    assert staging.take(ME, name) == b"ab"


def test_what_nobody_asks_for_is_given_up():
    staging = Staging(most=8)
    name = staging.add(ME, "", b"abcd", 0.0)
    staging.add(ME, "", b"", IDLE)
    assert staging.take(ME, name) == b"abcd"
    name = staging.add(ME, "", b"abcd", IDLE)
    staging.add(OTHER, "", b"", 3 * IDLE)
    with pytest.raises(NotFound):
        staging.take(ME, name)


def test_one_user_has_half_of_the_room_and_what_is_too_much_is_forgotten():
    staging = Staging(most=8)
    name = staging.add(ME, "", b"abc", 0.0)
    with pytest.raises(Overloaded, match="4 is the limit"):
        staging.add(ME, name, b"de", 0.0)
    with pytest.raises(NotFound):
        staging.take(ME, name)
    staging.add(OTHER, "", b"abcd", 0.0)
    staging.add(ME, "", b"abcd", 0.0)
    with pytest.raises(Overloaded, match="all users"):
        staging.add(1002, "", b"a", 0.0)
