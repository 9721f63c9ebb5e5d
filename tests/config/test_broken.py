"""Every broken file is refused, with every problem in one go."""

import pytest

from labd.config import ConfigErrors, load
from labd.errors import ConfigError, LabdError, from_wire
from tests.config.broken import BROKEN, Broken


def refused(files=(), env=None, overrides=()):
    with pytest.raises(ConfigErrors) as caught:
        load([str(path) for path in files], env, overrides)
    return caught.value


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_a_broken_file_is_refused_with_place_key_value_and_what_was_meant(broken: Broken, tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text(broken.text)
    problems = [str(problem) for problem in refused([path]).problems]
    assert len(problems) == len(broken.problems)
    for problem, fragments in zip(problems, broken.problems, strict=True):
        assert problem.startswith(str(path))
        assert [fragment for fragment in fragments if fragment not in problem] == []


def test_the_table_of_broken_files_is_as_long_as_promised():
    assert len(BROKEN) >= 25


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_r24_a_broken_file_leaves_the_old_configuration_as_it_was(broken: Broken, tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text("[jobs]\nmax_queued = 17\n")
    loaded = load([str(path)])
    before = (repr(loaded.config), dict(loaded.origins))
    path.write_text(broken.text)
    refused([path])
    assert (repr(loaded.config), loaded.origins) == before
    assert loaded.config.jobs.max_queued == 17


def test_r24_the_problems_of_every_file_variable_and_option_come_together(tmp_path):
    main, extra = tmp_path / "labd.toml", tmp_path / "extra.toml"
    main.write_text("[jobs]\n\nmax_queud = 1\n[wire]\nmax_frame = 1\n")
    extra.write_text("[[[")
    env = {"LABD_JOB__MAX_QUEUED": "5"}
    error = refused([main, extra], env, ["wire.max_request=1", "nonsense"])
    assert [problem.place for problem in error.problems] == [
        f"{main}:3", f"{main}:5", f"{extra}:1:3", "env LABD_JOB__MAX_QUEUED",
        "option -o wire.max_request", "option -o nonsense",
    ]  # fmt: skip
    assert error.message.startswith("6 problems\n")
    assert all(str(problem) in error.message for problem in error.problems)


def test_a_file_that_is_named_must_exist(tmp_path):
    missing = str(tmp_path / "none.toml")
    assert str(refused([missing])) == f"{missing}: cannot be read: No such file or directory"


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    assert "Is a directory" in str(refused([tmp_path]))


def test_a_file_that_is_not_utf8_is_refused_with_its_line(tmp_path):
    path = tmp_path / "labd.toml"
    path.write_bytes(b"[jobs]\n# gr\xfc\xdfe\n")
    assert str(refused([path])) == f"{path}:2: is not UTF-8 text"


def test_a_syntax_error_at_the_end_names_the_end(tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text("[resources]\ngpus = [0,")
    assert str(refused([path])).startswith(f"{path}:2:11: not TOML")


def test_a_syntax_error_does_not_show_the_line_as_it_may_hold_a_secret(tmp_path):
    path = tmp_path / "labd.toml"
    path.write_text('[plugins.fake]\ntoken = hunter2"\n')
    assert "hunter2" not in str(refused([path]))


def test_the_errors_travel_as_a_config_error_with_every_problem():
    error = refused(overrides=["jobs.max_queued=0", "jobs.max_queud=1"])
    arrived: LabdError = from_wire(error.as_wire())
    assert type(arrived) is ConfigError
    assert arrived.exit_code == 9
    assert [problem["key"] for problem in arrived.data["problems"]] == ["jobs.max_queued", "jobs.max_queud"]


def test_long_values_are_cut_short():
    problem = str(refused(overrides=[f"jobs.max_queued={'x' * 500}"]))
    assert len(problem) < 250
