"""The text of units for an installation, and what may be replaced."""

import pytest

from labd.cli.service import units

COMMAND = ["/opt/labd/bin/labd", "run"]


def test_the_units_start_this_installation():
    made = units.wanted(COMMAND, user=False, multi_user=False)
    assert set(made) == {"labd.service", "labd.socket"}
    assert "\nExecStart=/opt/labd/bin/labd run\n" in made["labd.service"]
    assert "Install:" not in made["labd.service"]
    assert "Whatever stands below holds for labd AND for its jobs" in made["labd.service"]


def test_a_user_has_units_of_another_kind():
    made = units.wanted(COMMAND, user=True, multi_user=True)
    assert set(made) == {"labd.service", "labd.socket"}
    assert "\nUser=" not in made["labd.service"]
    assert "KillMode=process" in made["labd.service"]
    assert "ListenStream=%t/labd/labd.sock" in made["labd.socket"]


def test_the_drop_in_for_several_users_is_one_more():
    made = units.wanted(COMMAND, user=False, multi_user=True)
    assert "Install:" not in made["labd.service.d/multi-user.conf"]
    assert "\nUser=root\n" in made["labd.service.d/multi-user.conf"]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("/opt/labd", "/opt/labd"),
        ("/opt/my labd", '"/opt/my labd"'),
        ("/opt/100%/$x", "/opt/100%%/$$x"),
        ('/o"p\\t', '"/o\\"p\\\\t"'),
    ],
)
def test_words_are_quoted_as_systemd_reads_them(word, shown):
    assert units.quoted(word) == shown


def test_a_unit_that_was_edited_is_known():
    old = units.stamped("[Service]\nNice=1\n")
    new = units.stamped("[Service]\nNice=2\n")
    assert units.state(None, new) == "absent"
    assert units.state(new, new) == "current"
    assert units.state(old, new) == "outdated"
    assert units.state(old.replace("Nice=1", "Nice=9"), new) == "edited"
    assert units.state("[Service]\nNice=1\n", new) == "edited"
