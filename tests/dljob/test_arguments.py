import pytest

from labd.dljob import arguments, demands, words
from labd.errors import UsageError


@pytest.mark.parametrize("given", [3, range(3), [range(3)], [0, 1, 2], (0, 1, 2), iter(range(3)), "3"])
def test_all_forms_of_a_list_of_arguments_give_one_argument_a_task(given):
    assert arguments.many(given) == ([[0], [1], [2]], None)


def test_lists_and_maps_stay_one_argument():
    assert arguments.many([[1, 2], {"a": 3}]).args_list == [[[1, 2]], [{"a": 3}]]


def test_an_empty_list_is_no_list():
    assert arguments.many([]) is arguments.many(0) is None


def test_arguments_come_from_a_file(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_text('1\n{"b": 2}\n')
    assert arguments.many(str(path)).args_list == arguments.many(path).args_list == [[1], [{"b": 2}]]
    path.write_text('1\n{"b": \n')
    with pytest.raises(UsageError, match=r"a\.ndjson, line 2 is no JSON"):
        arguments.many(path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("x.txt", "no file of ndjson"),
        ("/nowhere/x.ndjson", "No such file"),
        ({"a": 1}, "dict"),
        (1.5, "float"),
    ],
)
def test_what_is_no_list_is_named(given, said):
    with pytest.raises(UsageError, match=said):
        arguments.many(given)


def test_args_and_kwargs_are_expanded_unless_the_function_takes_them(project):
    project("targets", "def plain(a, b=1): ...\ndef both(args=(), kwargs=None): ...\n")
    given = {"args": [1], "kwargs": {"b": 2}}
    assert arguments.one("targets", "plain", (), given) == ([[1]], [{"b": 2}])
    assert arguments.one("targets", "both", (), given) == ([()], [given])
    assert arguments.one("targets", "plain", (), {"args": [1], "b": 3}) == ([[1]], [{"b": 3}])


def test_without_args_the_function_is_not_even_looked_at():
    assert arguments.one("no.such", "f", (1,), {"b": 3}) == ([(1,)], [{"b": 3}])


def test_limits_have_the_names_of_the_service():
    given = {"memory": "2Gi", "maximum_concurrency": 5, "task_timeout": "30m", "retry_count": "2"}
    found = demands.limits({**given, "minimum_concurrency": 1, "minimum_seconds": 9})
    assert found == {"memory": 2**31, "concurrency": 5, "time_limit": 1800.0, "retries": 2}


@pytest.mark.parametrize(
    ("given", "said"),
    [({"memry": "1G"}, "no memry"), ({"memory": "much"}, "'much'"), ({"retry_count": -1}, "below zero")],
)
def test_wrong_limits_are_named(given, said):
    with pytest.raises(UsageError, match=said):
        demands.limits(given)


def test_requirements_are_a_list_a_text_a_file_or_its_folder(tmp_path):
    (tmp_path / "requirements.txt").write_text("# ours\nnumpy==2  # pinned\n\nrich\n")
    listed = ("numpy==2", "rich")
    assert demands.requirements(str(tmp_path)) == listed
    assert demands.requirements(str(tmp_path / "requirements.txt")) == listed
    assert demands.requirements("numpy>=2") == ("numpy>=2",)
    assert demands.requirements(["a", "b"]) == ("a", "b")
    assert demands.requirements(None) == ()
    with pytest.raises(UsageError, match=r"nowhere\.txt: No such file"):
        demands.requirements("nowhere.txt")
    with pytest.raises(UsageError, match="modules cannot be"):
        demands.texts("modules", [1])


def test_words_are_keywords_up_to_their_first_equals_sign():
    found = words.split(["a", "b=1", "c=x=y", "http://h?q=1", "-5", "=z", "d="])
    assert found == (["a", "http://h?q=1", "-5", "=z"], {"b": "1", "c": "x=y", "d": ""})
