import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.dljob import flatyaml
from labd.errors import ConfigError

OLD = """# dl_jobs: config
cpu_image: us.gcr.io/dl-ci-cd/images/tasks/public/py3.6/default:v2019.04.18-13-g565aebde
cpu_job: True
default_method: 'task'
suppress: ['DeprecationWarning', "Future, Warning" , plain]   # words
noisy:     false  # as they say
results_dir: "my #1 results"
log_dir: it's
errors_dir:
words:
- one
-  'two'
"""


def values(text):
    return {key: entry.value for key, entry in flatyaml.parse(text, "f").items()}


def test_what_configuration_files_look_like_is_read():
    assert values(OLD) == {
        "cpu_image": "us.gcr.io/dl-ci-cd/images/tasks/public/py3.6/default:v2019.04.18-13-g565aebde",
        "cpu_job": "True", "default_method": "task", "noisy": "false", "results_dir": "my #1 results",
        "suppress": ["DeprecationWarning", "Future, Warning", "plain"], "log_dir": "it's", "errors_dir": None,
        "words": ["one", "two"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("just words", "this is no setting"),
        ("a: 2", "a is set twice, first in line 1"),
        ("- item", "this item belongs to no list"),
        ("b: [1, 2", "the list has no end"),
        ("b: {c: 1}", "not understood"),
        ("b: |", "not understood"),
        ("b: 'x", "the quote has no end"),
        ('b: "x', "Unterminated"),
        ("b: [[1], 2]", "no list of texts"),
        ("  b: 1", "this is no setting"),
    ],
)
def test_a_broken_line_is_named(line, said):
    with pytest.raises(ConfigError, match=said) as caught:
        flatyaml.parse(f"a: 1\n{line}\n", "dl_jobs.config.yaml")
    assert "dl_jobs.config.yaml, line 2" in caught.value.message


@given(st.dictionaries(st.sampled_from("abc"), st.text() | st.lists(st.text()), max_size=3))
def test_what_is_written_is_read_again(found):
    assert values(flatyaml.render(found)) == found
