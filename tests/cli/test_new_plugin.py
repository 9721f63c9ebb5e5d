"""``labd plugins new``: which names it takes, what it makes, and that it leaves nothing half done."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from labd.cli import labd, new_plugin


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_it_makes_a_folder_and_says_what_comes_next(here, capsys):
    assert labd.main(["plugins", "new", "my-thing"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [f"labd-my-thing/{path}" for path in made_by_template("my-thing")]
    assert sorted(made_by_template("my-thing")) == made(here / "labd-my-thing")
    steps = told.err.splitlines()
    assert steps[0] == "Next:"
    assert len(steps) == 4
    assert "-m pip install -e './labd-my-thing[test]'" in steps[1]
    assert steps[2].endswith("-m pytest labd-my-thing")
    assert steps[3].startswith("  labctl plugins")


def made_by_template(name):
    return list(new_plugin.rendered(new_plugin.template(), name))


@pytest.mark.parametrize("name", ["my-thing", "a", "dice", "x_y", "a" * 40])
def test_the_name_stands_everywhere_and_the_templates_nowhere(here, name):
    assert labd.main(["plugins", "new", name]) == 0
    folder = here / f"labd-{name}"
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "template" not in text + "".join(made(folder))
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    module = f"labd_{name.replace('-', '_')}"
    assert project["name"] == f"labd-{name}"
    assert project["entry-points"] == {
        "labd.plugins": {name: f"{module}.plugin:plugin"}, "labd.cli": {name: f"{module}.cli"},
    }  # fmt: skip
    assert f"src/{module}/plugin.py" in made(folder)


@pytest.mark.parametrize("name", ["a", "my-thing", "a" * 40])
def test_what_is_made_has_clean_form_and_types(here, name):
    if not all(map(_there, ("ruff", "mypy"))):
        pytest.skip("ruff or mypy is not installed")
    labd.main(["plugins", "new", name])
    folder = here / f"labd-{name}"
    for tool in (["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]):
        done = subprocess.run(
            [sys.executable, "-m", *tool], cwd=folder, capture_output=True, text=True, check=False,
            timeout=240, env=os.environ | {"MYPY_CACHE_DIR": str(here / "cache")},
        )  # fmt: skip
        assert done.returncode == 0, f"{tool}\n{done.stdout}{done.stderr}"


def _there(module):
    return subprocess.run([sys.executable, "-c", f"import {module}"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("A", "'A' is no name for a plugin: small letters"),
        ("3d", "'3d' is no name for a plugin"),
        ("../x", "'../x' is no name for a plugin"),
        ("", "'' is no name for a plugin"),
        ("a--b", "'a--b' is no name for a distribution"),
        ("a_", "such as: labd plugins new a"),
        ("job", "the name 'job' is reserved for labd itself"),
        ("a" * 65, "is no name for a plugin"),
    ],
)
def test_what_cannot_be_a_name_is_refused(here, capsys, name, words):
    assert labd.main(["plugins", "new", name]) == 2
    assert words in capsys.readouterr().err
    assert made(here) == []


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("[labd.plugins]\nmy_thing = other\n", "there is a plugin 'my_thing' already, of labd-other"),
        ("[labd.cli]\nmy-thing = other\n", "there is a command of labctl 'my-thing' already, of labd-other"),
    ],
)
def test_a_name_that_is_taken_is_refused(here, monkeypatch, capsys, points, words):
    _install(here / "site", "labd-other", points)
    monkeypatch.syspath_prepend(here / "site")
    assert labd.main(["plugins", "new", "my-thing"]) == 6
    assert words in capsys.readouterr().err
    assert not (here / "labd-my-thing").exists()


def test_a_distribution_that_is_installed_is_not_made_again(here, monkeypatch, capsys):
    _install(here / "site", "Labd_My.Thing", "")
    monkeypatch.syspath_prepend(here / "site")
    assert labd.main(["plugins", "new", "my-thing"]) == 6
    assert "a distribution labd-my-thing is installed already" in capsys.readouterr().err


def _install(site, name, points):
    info = site / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(points)


def test_a_command_of_labctl_itself_is_no_name(here, capsys):
    assert labd.main(["plugins", "new", "status"]) == 6
    assert "labctl has a command 'status' of its own" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_there_is_left_alone(here, capsys, kind):
    place = here / "labd-dice"
    place.mkdir() if kind == "folder" else place.symlink_to("nowhere")
    assert labd.main(["plugins", "new", "dice"]) == 6
    assert "labd-dice is there already" in capsys.readouterr().err
    assert made(here) == []


def test_a_dry_run_makes_nothing(here, capsys):
    assert labd.main(["plugins", "new", "dice", "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"version", "name", "folder", "files", "next", "dry_run"}
    assert (told["folder"], told["dry_run"], len(told["next"])) == ("labd-dice", True, 3)
    assert "src/labd_dice/plugin.py" in told["files"]
    assert made(here) == []


def test_it_can_be_made_elsewhere(here, capsys):
    assert labd.main(["plugins", "new", "dice", "--into", str(here / "new folder")]) == 0
    assert re.search(r"pip install -e '/.*/new folder/labd-dice\[test\]'", capsys.readouterr().err)
    assert (here / "new folder" / "labd-dice" / "pyproject.toml").is_file()


def test_where_nothing_can_be_made_nothing_is_left(here, capsys):
    (here / "file").write_text("")
    assert labd.main(["plugins", "new", "dice", "--into", "file"]) == 2
    assert "file/labd-dice cannot be made: Not a directory" in capsys.readouterr().err
    assert made(here) == ["file"]


def test_caches_are_not_copied(tmp_path):
    for name in ("__pycache__", ".mypy_cache", "labd_x.egg-info", "src"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("")
    assert list(new_plugin.rendered(tmp_path, "x")) == ["src/a"]


def test_a_wheel_has_the_template():
    root = Path(__file__).parents[2]
    build = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["force-include"] == {"plugins_contrib/template": "labd/plugin_template"}
    assert new_plugin.PLACES[0] == root / "labd" / "plugin_template"
