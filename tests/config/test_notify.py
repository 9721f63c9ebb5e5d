"""The targets of notifications: each kind needs something, and secrets stay secret."""

import pytest

from labd.config import ConfigErrors, as_toml, changed_needing_restart, load


def loaded(tmp_path, text, mode=0o600):
    path = tmp_path / "labd.toml"
    path.write_text(f"[notify.targets.x]\n{text}\n")
    path.chmod(mode)
    return load([str(path)], {"URL": "https://hooks.example.org/T0/secret"})


def test_a_target_is_read_and_its_secrets_are_not_shown(tmp_path):
    text = 'kind = "webhook"\nurl = {env = "URL"}\nheaders = {Authorization = "Bearer hush"}'
    found = loaded(tmp_path, text)
    target = found.config.notify.targets["x"]
    assert target.url.reveal() == "https://hooks.example.org/T0/secret"
    shown = as_toml(found) + repr(found)
    assert not [secret for secret in ("hooks.example", "hush") if secret in shown]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "command"', "a target of the kind command needs argv"),
        ('kind = "webhook"', "a target of the kind webhook needs url"),
        ('kind = "webhook"\nurl = "file:///etc/passwd"', "begins with https:// or http://"),
        ('kind = "webhook"\nurl = "http://a b"', "has no spaces"),
        ('kind = "webhook"\nurl = {env = "URL"}\nheaders = {a = "b\\nc: d"}', "no line breaks"),
        ('argv = ["true"]', "kind: is missing"),
        ('kind = "hello"\nsetings = {}', 'did you mean "settings"?'),
    ],
)
def test_a_wrong_target_is_named_with_its_place(tmp_path, text, said):
    with pytest.raises(ConfigErrors) as caught:
        loaded(tmp_path, text)
    [problem] = caught.value.problems
    assert problem.key.startswith("notify.targets.x")
    assert said in str(problem)


def test_a_url_in_a_file_that_others_can_read_is_refused(tmp_path):
    with pytest.raises(ConfigErrors, match="secret in a file that others can read"):
        loaded(tmp_path, 'kind = "webhook"\nurl = "https://hooks.example.org/T0/secret"', 0o644)


def test_a_reload_takes_targets_up(tmp_path):
    new = loaded(tmp_path, 'kind = "hello"').config
    assert changed_needing_restart(load().config, new) == []
