from pathlib import Path

import pytest

from labd.dljob import settings
from labd.dljob.resources import IMAGES
from labd.errors import ConfigError, Conflict, UsageError


def test_without_a_file_the_settings_are_those_of_the_old_readme(tmp_path):
    found = settings.load(str(tmp_path))
    assert (found.is_dev, found.cpu_job, found.noisy, found.print_logs) == (True,) * 4
    assert (found.default_method, found.module_dir) == ("task", "run")
    assert (found.results_dir, found.errors_dir, found.log_dir) == ("results", "errors", "logs")
    assert (found.save_results, found.save_errors, found.log) == (True, True, True)
    assert not found.given


def test_the_file_says_otherwise(tmp_path):
    lines = ["noisy: no", "gpus: 2", "save_results: all", "log: false", "suppress:", "- A", "cpu_image: py37"]
    (tmp_path / settings.FILE).write_text("\n".join(lines))
    found = settings.load(str(tmp_path))
    assert (found.noisy, found.gpus, found.save_results, found.log) == (False, 2, "all", False)
    assert (found.suppress, found.cpu_image) == (("A",), IMAGES["py37"])
    assert found.given == {"noisy", "gpus", "save_results", "log", "suppress", "cpu_image"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosy: true", "there is no setting nosy"),
        ("gpus: many", "gpus cannot be 'many'"),
        ("gpus: 1.5", "gpus cannot be '1.5'"),
        ("cpus: -1", "cpus cannot be '-1'"),
        ("workers: 0", "workers cannot be '0'"),
        ("target: moon", "target cannot be 'moon'"),
        ("noisy: [a, b]", "noisy cannot be"),
        ("suppress:", "suppress cannot be None"),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path, line, said):
    (tmp_path / settings.FILE).write_text(f"# first\n{line}\n")
    with pytest.raises(ConfigError, match=f"{settings.FILE}, line 2: {said}"):
        settings.load(str(tmp_path))


def test_a_file_that_is_no_text_is_an_error(tmp_path):
    (tmp_path / settings.FILE).write_bytes(b"\xff")
    with pytest.raises(ConfigError, match=r"no UTF-8"):
        settings.load(str(tmp_path))


def test_words_change_settings_and_unknown_ones_are_guessed():
    found = settings.changed(
        settings.Settings(), {"is_dev": "false", "save_results": "False", "suppress": "a, b"}
    )
    assert (found.is_dev, found.save_results, found.suppress) == (False, False, ("a", "b"))
    with pytest.raises(UsageError) as caught:
        settings.changed(found, {"is_dv": "x"})
    assert caught.value.hint == "did you mean `is_dev`?"


def test_a_generated_file_is_read_back_and_not_written_over(tmp_path):
    wanted = settings.changed(settings.Settings(), {"noisy": "no", "log": "my log", "cpus": 0.5})
    path = settings.generate(wanted, folder=str(tmp_path))
    text = Path(path).read_text()
    assert text.startswith("# dl_jobs: config\ncpu_image: ")
    assert settings.as_dict(settings.load(str(tmp_path))) == settings.as_dict(wanted)
    with pytest.raises(Conflict, match="already"):
        settings.generate(settings.Settings(), folder=str(tmp_path))
    assert path.read_text() == text
    settings.generate(settings.Settings(), force=True, folder=str(tmp_path))
    assert settings.load(str(tmp_path)).noisy
