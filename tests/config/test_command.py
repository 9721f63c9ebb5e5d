"""``labd config``: data on stdout, talk on stderr, exit code 9 for a mistake."""

import argparse
import json
import tomllib

import pytest

from labd.cli.commands import config
from tests.config.fakes import PASSWORD, FakeSettings


@pytest.fixture
def labd(capsys, monkeypatch, tmp_path):
    """Runs ``labd [--config FILE] [-o ...] config ...``; says exit code, stdout and stderr."""
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", str(tmp_path))

    def call(*words, plugins=None):
        parser = argparse.ArgumentParser()
        parser.add_argument("--config")
        parser.add_argument("-o", dest="option", action="append", default=[])
        config.add_parser(parser.add_subparsers())
        code = config.run(parser.parse_args(words), plugins)
        return code, *capsys.readouterr()

    return call


def test_check_says_ok_on_stderr_alone(labd, tmp_path):
    (tmp_path / "labd.toml").write_text("[jobs]\nmax_queued = 3\n")
    assert labd("config", "check") == (0, "", f"OK: {tmp_path}/labd.toml\n")


def test_check_without_a_file_is_fine(labd):
    assert labd("config", "check") == (0, "", "OK: no file, so the defaults\n")


def test_check_prints_each_problem_on_a_line_and_exits_9(labd, tmp_path):
    (tmp_path / "labd.toml").write_text("[jobs]\nmax_queud = 3\nmax_queued = 0\n")
    code, out, err = labd("-o", "wire.max_frame=1", "config", "check")
    assert (code, out) == (9, "")
    assert len(err.splitlines()) == 3


def test_a_given_file_must_exist(labd, tmp_path):
    code, _, err = labd("--config", f"{tmp_path}/none.toml", "config", "check")
    assert code == 9
    assert "none.toml: cannot be read" in err


def test_show_prints_toml_with_origins(labd):
    code, out, err = labd("-o", "jobs.max_queued=3", "config", "show", "--origin")
    assert (code, err) == (0, "")
    assert tomllib.loads(out)["jobs"]["max_queued"] == 3
    assert "# option -o jobs.max_queued" in out


def test_show_prints_json(labd):
    settings = json.loads(labd("config", "show", "--json")[1])["settings"]
    assert settings["daemon.log_level"] == {"value": "info", "origin": "default"}


def test_show_with_a_mistake_prints_no_data(labd):
    code, out, err = labd("-o", "jobs.max_queued=0", "config", "show")
    assert (code, out) == (9, "")
    assert "jobs.max_queued" in err


def test_show_hides_every_secret(labd, tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text(f'[plugins.fake]\ntoken = "{PASSWORD}"\n')
    path.chmod(0o600)
    for plugins in (None, {"fake": FakeSettings}):
        for words in (["show"], ["show", "--origin"], ["show", "--json"]):
            code, out, err = labd("config", *words, plugins=plugins)
            assert code == 0
            assert "***" in out
            assert PASSWORD not in out + err


def test_check_looks_into_the_tables_of_plugins_it_is_told(labd):
    plugins = {"fake": FakeSettings, "bare": None}
    words = [
        "-o",
        "plugins.fake.port=0",
        "-o",
        "plugins.bare.x=1",
        "-o",
        "plugins.fkae.x=1",
        "config",
        "check",
    ]
    code, _, err = labd(*words, plugins=plugins)
    assert code == 9
    assert len(err.splitlines()) == 3
    assert labd(*words)[0] == 0


def test_schema_prints_one_json_schema(labd):
    code, out, _ = labd("config", "schema", plugins={"fake": FakeSettings, "bare": None})
    assert code == 0
    assert json.loads(out)["$defs"]["FakeSettings"]["properties"]["port"]["maximum"] == 65_535
