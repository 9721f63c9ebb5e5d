"""Errors on the wire come back as what they were."""

import pytest

from labd import errors
from labd.errors import InternalError, LabdError, from_wire

EVERY = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, LabdError) and cls is not LabdError
]


@pytest.mark.parametrize("cls", EVERY)
def test_every_class_travels(cls):
    error = cls("disk 7 is gone", hint="mount it", data={"disk": 7})
    error.title = "a title of its own"
    arrived = from_wire(error.as_wire())
    assert type(arrived) is cls
    assert (arrived.message, arrived.hint, arrived.data) == ("disk 7 is gone", "mount it", {"disk": 7})
    assert (arrived.title, arrived.exit_code) == ("a title of its own", cls.exit_code)


def test_no_two_classes_have_one_code():
    assert len({cls.code for cls in EVERY}) == len(EVERY)


def test_the_code_of_a_newer_daemon_is_the_root_with_its_words():
    arrived = from_wire({"code": "of_tomorrow", "title": "too new", "message": "what is this"})
    assert (type(arrived), arrived.title, str(arrived)) == (LabdError, "too new", "what is this")


@pytest.mark.parametrize("fault", [None, "text", 7, ["usage"]])
def test_what_is_no_error_is_a_defect(fault):
    assert type(from_wire(fault)) is InternalError


def test_an_error_that_says_nothing_is_the_root():
    assert type(from_wire({})) is LabdError
