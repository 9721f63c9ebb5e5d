"""The command line of labd: what is wrong with it is said with the next step."""

import pytest

from labd.cli.labd import main


@pytest.mark.parametrize("option", ["--config", "-o", "--safe"])
def test_an_option_of_labd_after_the_command_is_told_where_it_belongs(option, capsys):
    assert main(["config", "check", option, "x"]) == 2
    assert f"{option} stands before the command: labd {option} ..." in capsys.readouterr().err


def test_any_other_option_is_told_where_help_is(capsys):
    assert main(["config", "check", "--nonsense"]) == 2
    assert "see `labd --help`" in capsys.readouterr().err
