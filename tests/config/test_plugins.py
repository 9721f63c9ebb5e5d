"""Tables of plugins: the same quality of complaint, and secrets that never print."""

import copy
import os
import pickle
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from labd.config import (
    ConfigErrors,
    Secret,
    as_json,
    as_toml,
    check_plugin,
    examine_plugin,
    load,
    plugin_settings,
    unknown_plugins,
)
from tests.config.fakes import PASSWORD, FakeSettings


@pytest.fixture
def fake(tmp_path):
    """Loads ``[plugins.fake]`` with *text* in it, from a file of *mode*."""

    def loaded(text, mode=0o600, env=None, overrides=()):
        path = tmp_path / "labd.toml"
        path.write_text(f"[plugins.fake]\n{text}\n")
        path.chmod(mode)
        return load([str(path)], env, overrides)

    return loaded


def complaint(loaded, name="fake", struct=FakeSettings):
    with pytest.raises(ConfigErrors) as caught:
        check_plugin(name, struct, loaded)
    return str(caught.value)


def test_a_table_becomes_an_instance(fake):
    settings = check_plugin(
        "fake", FakeSettings, fake('port = 9\ncache = "2K"\nlabels = {a = "b"}\nlimits = {x = "1m"}')
    )
    assert (settings.port, settings.cache, settings.labels, settings.limits) == (
        9,
        2048,
        {"a": "b"},
        {"x": 60.0},
    )


def test_a_plugin_without_a_table_gets_its_defaults():
    assert check_plugin("fake", FakeSettings, load()) == FakeSettings()


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("prot = 9", [":2: plugins.fake.prot", '"port"']),
        ("port = 0", [":2: plugins.fake.port = 0", "from 1 to 65535"]),
        ('cache = "9Z"', [":2: plugins.fake.cache", '"8G"']),
        ('colour = "gren"', [":2: plugins.fake.colour", 'mean "green"']),
        ('[[plugins.fake.cameras]]\nurl = "a"\nevery = "x"', [":4: plugins.fake.cameras[0].every", "1h30m"]),
        ('cameras = [\n{ url = "a" },\n{ every = 1 },\n]', [":4: plugins.fake.cameras[1].url", "missing"]),
        ('cameras = [{url = "a", evry = 1}]', [":2: plugins.fake.cameras[0].evry", '"every"']),
        ('main = 5', [":2: plugins.fake.main", "a table"]),
        ('main = { urls = "x" }', [":2: plugins.fake.main.url", "missing"]),
        ('[plugins.fake.limits]\na = 1\nb = -1', [":4: plugins.fake.limits.b = -1", "from 0s"]),
        ("labels = {a = 5}", [":2: plugins.fake.labels.a = 5", "must be text"]),
        ('host = "nowhere"', [":1: plugins.fake: host must be somewhere"]),
        ("token = 5", [":2: plugins.fake.token = ***", "{ env ="]),
        ('token = { evn = "X" }', [":2: plugins.fake.token", "{ env ="]),
        ('token = { env = "X" }', [":2: plugins.fake.token", "X is not set"]),
        ('token = { env = 5 }', [":2: plugins.fake.token", "name"]),
        ('token = { file = "none" }', [":2: plugins.fake.token", "No such file"]),
        ('token = { credential = "x" }', [":2: plugins.fake.token", "LoadCredential="]),
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_with_place_key_and_what_was_meant(fake, text, fragments):
    message = complaint(fake(text))
    assert [fragment for fragment in fragments if fragment not in message] == []


def test_all_problems_of_a_table_come_at_once(fake):
    message = complaint(fake('port = 0\nprot = 1\ncolour = "blue"'))
    assert message.startswith("3 problems")


def test_a_plugin_without_settings_refuses_any():
    loaded = load(overrides=["plugins.fake={x=1}"])
    assert "no such setting; there are: none" in complaint(loaded, struct=None)
    assert check_plugin("fake", None, load()) is None


def test_a_value_where_the_table_should_be_is_not_shown():
    with pytest.raises(ConfigErrors) as caught:
        load(overrides=[f"plugins.fake={PASSWORD}"])
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['token = { env = "TOKEN" }', 'token = { file = "token" }', 'token = { credential = "token" }']
)
def test_a_secret_is_read_from_where_it_is_kept(fake, tmp_path, text):
    (tmp_path / "token").write_text(f"{PASSWORD}\n")
    loaded = fake(text, mode=0o644, env={"TOKEN": PASSWORD, "CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert check_plugin("fake", FakeSettings, loaded).token.reveal() == PASSWORD
    assert "from " in str(examine_plugin("fake", FakeSettings, loaded).origins["plugins.fake.token"])


def test_a_credential_is_a_name_and_not_a_path(fake, tmp_path):
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert "not a path" in complaint(fake('token = { credential = "../x" }', env=env))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 70_000])
def test_a_file_that_cannot_be_a_secret_is_refused_unseen(fake, tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    message = complaint(fake('token = { file = "token" }'))
    assert str(tmp_path / "token") in message
    assert "xxx" not in message


@pytest.mark.parametrize("text", ['token = "{}"', 'keys = ["{}"]', 'cameras = [{{url = "a", token = "{}"}}]'])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o610])
def test_a_secret_in_a_file_that_others_can_read_is_refused(fake, text, mode):
    message = complaint(fake(text.format(PASSWORD), mode=mode))
    assert "chmod 600" in message
    assert PASSWORD not in message


def test_it_is_refused_even_when_another_source_overrides_it(fake):
    loaded = fake(f'token = "{PASSWORD}"', mode=0o644, env={"LABD_PLUGINS__FAKE__TOKEN": "other"})
    assert "chmod 600" in complaint(loaded)


def test_a_secret_in_a_private_file_or_a_variable_is_taken(fake):
    assert check_plugin("fake", FakeSettings, fake(f'token = "{PASSWORD}"')).token.reveal() == PASSWORD
    loaded = load(env={"LABD_PLUGINS__FAKE__TOKEN": "12345"})
    assert check_plugin("fake", FakeSettings, loaded).token.reveal() == "12345"


def test_a_secret_on_the_command_line_is_refused():
    message = complaint(load(overrides=[f"plugins.fake.token={PASSWORD}"]))
    assert "every user can read" in message
    assert PASSWORD not in message


def test_secrets_are_never_printed(fake, tmp_path):
    text = 'token = "{0}"\nkeys = ["{0}"]\nhost = {{ env = "HOST" }}\n[plugins.other]\nx = "{0}"'
    loaded = fake(text.format(PASSWORD), env={"HOST": PASSWORD})
    settings = check_plugin("fake", FakeSettings, loaded)
    structs = {"fake": FakeSettings}
    printed = [
        repr(loaded), str(loaded), repr(loaded.config), repr(loaded.sources), repr(loaded.origins),
        repr(settings.token), f"{settings.token:>10}", str(settings.keys),
        as_toml(loaded), as_toml(loaded, structs, origins=True), str(as_json(loaded)),
        str(as_json(loaded, structs)),
    ]  # fmt: skip
    assert [text for text in printed if PASSWORD in text] == []
    assert 'host = "***"' in as_toml(loaded, structs)


@pytest.mark.parametrize("text", ['tokn = "{}"', 'port = 0\ntoken = "{}"', '[plugins.fake.host]\nx = "{}"'])
def test_secrets_are_not_in_complaints(fake, text):
    assert PASSWORD not in complaint(fake(text.format(PASSWORD)))


def test_a_secret_compares_but_does_not_travel():
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert not Secret("")
    for leak in (pickle.dumps, msgspec.json.encode, copy.copy):
        with pytest.raises(TypeError):
            leak(Secret("a"))


def test_tables_are_merged_and_references_replace_each_other(fake, tmp_path):
    second = tmp_path / "b.toml"
    second.write_text('[plugins.fake]\ntoken = { env = "B" }\nlabels = { b = "2" }\n')
    first = fake('token = { file = "gone" }\nlabels = { a = "1" }')
    loaded = load([*first.files, str(second)], {"B": "found"})
    settings = check_plugin("fake", FakeSettings, loaded)
    assert settings.token.reveal() == "found"
    assert settings.labels == {"a": "1", "b": "2"}


def test_a_variable_reaches_a_plugin_whose_name_has_a_dash():
    loaded = load(env={"LABD_PLUGINS__MY_PLUGIN__PORT": "7"})
    assert check_plugin("my-plugin", FakeSettings, loaded).port == 7
    assert unknown_plugins(loaded, ["my-plugin"]) == []
    wrong = load(env={"LABD_PLUGINS__MY_PLUGIN__PROT": "7"})
    assert "LABD_PLUGINS__MY_PLUGIN__PORT" in complaint(wrong, "my-plugin")


def test_plugins_that_do_not_exist_are_named_with_the_nearest(tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text('[plugins]\nenabled = ["fake", "fakr"]\n[plugins.fkae]\nx = 1\n[plugins.fake]\n')
    problems = unknown_plugins(load([str(path)]), ["fake"])
    assert [problem.origin.line for problem in problems] == [2, 3]
    assert 'there is no plugin "fakr"; did you mean "fake"?' in str(problems[0])


def test_a_file_is_judged_by_the_mode_it_had_when_it_was_read(fake):
    loaded = fake(f'token = "{PASSWORD}"', mode=0o644)
    os.chmod(loaded.files[0], 0o600)
    assert "chmod 600" in complaint(loaded)


def test_the_settings_of_a_plugin_say_where_they_are_from_and_what_else_they_could_be(tmp_path):
    class Settings(msgspec.Struct, forbid_unknown_fields=True):
        token: Secret
        times: Annotated[int, Meta(ge=1, description="How often.")] = 1
        names: list[str] = msgspec.field(default_factory=lambda: ["a"])

    file = tmp_path / "labd.toml"
    file.write_text("[plugins.p]\ntoken = 'x'\ntimes = 2\n")
    file.chmod(0o600)
    shown = plugin_settings("p", Settings, load([str(file)]))
    token, times, names = shown
    assert (token["value"], token["default"], token["required"]) == ("***", None, True)
    assert times == {
        "key": "times", "value": 2, "default": 1, "required": False, "origin": f"{file}:3",
        "accepts": "a whole number of at least 1", "doc": "How often.",
    }  # fmt: skip
    assert (names["value"], names["default"], names["origin"]) == (["a"], ["a"], "default")
    assert plugin_settings("p", None, load()) == []


def test_a_pattern_names_every_plugin_that_it_fits():
    loaded = load(overrides=["plugins.disabled=['lab-*', 'x*']"])
    assert [problem.what for problem in unknown_plugins(loaded, ["lab-one"])] == [
        'there is no plugin "x*"; there are: lab-one'
    ]
