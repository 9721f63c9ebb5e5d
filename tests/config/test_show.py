"""What is shown is what is in force, and can be loaded again."""

import json
import tomllib

import msgspec
import pytest

from labd.config import Config, as_json, as_toml, check_plugin, json_schema, load
from tests.config.fakes import FakeSettings

OVERRIDES = [
    "daemon.log_level=debug", "access.admin=['@wheel']", "resources.gpus=[0, 2]", "resources.memory=8G",
    "jobs.default_time_limit=90m", "jobs.default_cpus=0.5", "plugins.disabled=['x']",
    "store.snapshot_interval=0.1e2",
]  # fmt: skip


def test_the_shown_toml_loads_as_the_same_configuration(tmp_path):
    config = load(overrides=OVERRIDES).config
    path = tmp_path / "shown.toml"
    path.write_text(as_toml(load(overrides=OVERRIDES), origins=True))
    assert load([str(path)]).config == config
    assert config != Config()


def test_the_shown_table_of_a_plugin_loads_again(tmp_path):
    overrides = ["plugins.fake={cache='3M', labels={'a b'='c'}, cameras=[{url='u', every='1m'}]}"]
    loaded = load(overrides=overrides)
    path = tmp_path / "shown.toml"
    text = as_toml(loaded, {"fake": FakeSettings})
    assert "# nickname is not set\n" in text
    path.write_text(text.replace('token = "***"\n', ""))
    path.chmod(0o600)
    assert check_plugin("fake", FakeSettings, load([str(path)])) == check_plugin("fake", FakeSettings, loaded)


def test_origins_stand_as_comments():
    text = as_toml(load(overrides=["jobs.max_queued=3"]), origins=True)
    assert "max_queued = 3  # option -o jobs.max_queued\n" in text
    assert 'log_level = "info"  # default\n' in text


def test_the_table_of_a_plugin_that_is_not_known_shows_no_text():
    loaded = load(
        env={"LABD_JOBS__MAX_QUEUED": "1"}, overrides=["plugins.a={n=1, deep={t='x'}}", "plugins.a.l=['y']"]
    )
    text = as_toml(loaded, origins=True)
    assert '[plugins.a]\nn = 1  # option -o plugins.a\ndeep = { t = "***" }  # option -o plugins.a\n' in text
    assert 'l = ["***"]  # option -o plugins.a.l\n' in text


def test_sizes_and_times_show_with_their_units():
    shown = tomllib.loads(as_toml(load()))
    assert shown["wire"]["max_frame"] == "4MiB"
    assert shown["store"]["snapshot_interval"] == "1h"
    assert shown["jobs"]["default_time_limit"] == "none"


def test_json_has_numbers_and_origins():
    settings = as_json(load(env={"LABD_WIRE__MAX_FRAME": "1M"}))["settings"]
    assert settings["wire.max_frame"] == {"value": 2**20, "origin": "env LABD_WIRE__MAX_FRAME"}
    assert settings["jobs.default_time_limit"] == {"value": None, "origin": "default"}


def test_the_schema_describes_every_setting():
    schema = json_schema({"fake": FakeSettings})
    for name, section in schema["properties"].items():
        assert section["description"]
        for key, setting in schema["$defs"][name.capitalize()]["properties"].items():
            assert key == "fake" or (setting["description"] and "default" in setting), key


def test_the_schema_of_plugins_is_open_for_tables_and_knows_those_it_is_told():
    plugins = json_schema({"fake": FakeSettings})["$defs"]["Plugins"]
    assert set(plugins["properties"]) == {"enabled", "disabled", "strict", "fake"}
    assert plugins["additionalProperties"]["type"] == "object"


def test_the_schema_allows_sizes_times_and_references():
    definitions = json_schema({"fake": FakeSettings})["$defs"]
    frame = definitions["Wire"]["properties"]["max_frame"]["anyOf"]
    assert [part["type"] for part in frame] == ["integer", "string"]
    token = definitions["FakeSettings"]["properties"]["token"]
    assert {"$ref": "#/$defs/Reference"} in token["anyOf"]
    assert "null" not in json.dumps(definitions["Jobs"]["properties"]["default_time_limit"]["anyOf"])


def test_the_schema_is_json_without_labds_own_words():
    text = json.dumps(json_schema({"fake": FakeSettings}))
    assert "x-labd" not in text
    assert "hunter" not in text


@pytest.mark.parametrize("section", [field.name for field in msgspec.structs.fields(Config)])
def test_every_section_is_frozen_and_strict(section):
    struct = type(getattr(Config(), section))
    assert struct.__struct_config__.frozen
    assert struct.__struct_config__.forbid_unknown_fields
