import pytest

from labd.dljob.results import is_error, of_failure, of_no_json, sort
from labd.dljob.work import Failure


@pytest.mark.parametrize("nothing", [None, "", [], {}, ()])
def test_none_and_what_is_empty_is_no_result(nothing):
    assert sort(nothing) == ([], [])


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ('{"a": 1}', {"a": 1}), ("{}", {}), ("plain text", "plain text"), (0, 0), (False, False), (2.5, 2.5),
        ({"a": (1, 2)}, {"a": [1, 2]}), ("NaN", None), ('"ERROR-free"', None),
    ],
)  # fmt: skip
def test_text_is_json_where_it_can_be_and_other_values_are_themselves(raw, value):
    found = sort(raw)
    assert found == (([], ["ERROR-free"]) if raw == '"ERROR-free"' else ([value], []))


def test_a_list_is_a_line_for_each_element_unless_grouped():
    raw = '[1, {"ERROR": "no"}, "ERROR: such", {"ERROR": ""}]'
    found = sort(raw)
    assert found == ([1, {"ERROR": ""}], [{"ERROR": "no"}, "ERROR: such"])
    assert sort(raw, grouped=True) == ([[1, {"ERROR": "no"}, "ERROR: such", {"ERROR": ""}]], [])
    assert sort("[]") == ([], [])


def test_error_results_have_all_the_forms_of_the_old_readme():
    assert all(map(is_error, ["ERROR", "ERROR: x", {"ERROR": True}, {"ERROR": "x", "a": 1}]))
    assert not any(map(is_error, ["an ERROR", {"ERROR": False}, {"a": "ERROR"}, ["ERROR"], 1, None]))


def test_a_failure_keeps_what_was_called():
    found = of_failure(3, Failure("ValueError", "no", "trace"), [1, {2}], {"a": 1})
    assert found == {
        "ERROR": "ValueError: no", "ARGS": "[1, {2}]", "KWARGS": {"a": 1}, "TASK": 3, "TRACEBACK": "trace",
    }  # fmt: skip
    assert of_failure(0, Failure("KeyError", ""), [], {})["ERROR"] == "KeyError"


def test_a_result_that_is_no_json_is_an_error_with_what_can_be_shown():
    with pytest.raises(TypeError, match="set is no JSON") as caught:
        sort({"a": {1}})
    found = of_no_json(2, {"a": {1}}, caught.value, [], {})
    assert "the result of task 2 cannot be written as JSON: set is no JSON" in found["ERROR"]
    assert found["RESULT"] == "{'a': {1}}"
