"""etc/labd.toml says what the model says, no more and no less."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from labd.config import Config, load
from labd.config.annotations import description
from labd.config.names import setting_paths
from labd.config.origins import dotted

FILE = Path(__file__).parents[2] / "etc" / "labd.toml"
SETTING = re.compile(r"^#([a-z_]+ =)", re.MULTILINE)


@pytest.fixture
def uncommented(tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text(SETTING.sub(r"\1", FILE.read_text()))
    return str(path)


def test_the_file_as_it_ships_changes_nothing():
    loaded = load([str(FILE)])
    assert loaded.config == Config()
    assert {origin.kind for origin in loaded.origins.values()} == {"default"}


def test_every_setting_of_the_file_is_the_default(uncommented):
    assert load([uncommented]).config == Config()


def test_the_file_has_every_setting_and_no_other(uncommented):
    origins = load([uncommented]).origins
    empty = {
        "jobs.groups",
        "http.tokens",
        "notify.targets",
        "telemetry.headers",
    }  # a table without keys sets nothing, so nothing comes from the file
    assert {key for key, origin in origins.items() if origin.kind == "file"} | empty == set(
        map(dotted, setting_paths(Config))
    )
    tree = tomllib.loads(Path(uncommented).read_text())
    assert sum(map(len, tree.values())) == len(list(setting_paths(Config)))


def test_the_file_lists_settings_in_the_order_of_the_model(uncommented):
    tree = tomllib.loads(Path(uncommented).read_text())
    assert [f"{section}.{key}" for section, keys in tree.items() for key in keys] == [
        dotted(path) for path in setting_paths(Config)
    ]


def test_every_setting_says_what_it_means():
    for section in msgspec.structs.fields(Config):
        assert section.type.__doc__
        for field in msgspec.structs.fields(section.type):
            assert field.encode_name == "*" or description(field.type).endswith("."), field.name


def test_every_setting_has_words_about_it_in_the_file():
    lines = FILE.read_text().splitlines()
    for number, line in enumerate(lines):
        if SETTING.match(line):
            above = lines[number - 1]
            assert above.startswith("# ") or SETTING.match(above), line
