"""tui.toml."""

from pathlib import Path

import pytest

from labd.errors import ConfigError
from labd.tui import settings
from labd.tui.settings import Settings


def test_where_it_is():
    assert settings.path({"XDG_CONFIG_HOME": "/x"}) == "/x/labd/tui.toml"
    assert settings.path({"XDG_CONFIG_HOME": "relative"}).endswith("/.config/labd/tui.toml")


def test_no_file_is_the_usual(tmp_path: Path):
    assert settings.load(str(tmp_path / "none")) == Settings()


def test_keys_and_theme(tmp_path: Path):
    file = tmp_path / "tui.toml"
    file.write_text('theme = "light"\n[keys]\n"jobs.cancel" = "x,delete"\n')
    assert settings.load(str(file)) == Settings("light", {"jobs.cancel": "x,delete"})


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("theme = 'pink'", "no 'pink'"),
        ("colour = 1", "no setting 'colour'"),
        ("[keys]\na = 1", r"\[keys\] takes"),
        ("x =", "Invalid value"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, wrong: str):
    file = tmp_path / "tui.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=wrong):
        settings.load(str(file))
