import json

from labd.dljob import load
from labd.dljob.decorators import as_json, attempt, expand_args


@as_json
@attempt
@expand_args
def work(one, two=2, **more):
    """What it does."""
    return {"one": one, "two": two, **more}


def test_lists_and_maps_become_arguments():
    assert json.loads(work([1, 3])) == {"one": 1, "two": 3}
    assert json.loads(work([1], {"two": 4})) == {"one": 1, "two": 4}
    assert json.loads(work({"one": 5})) == {"one": 5, "two": 2}
    assert json.loads(work(7)) == {"one": 7, "two": 2}
    assert json.loads(work(args=[1], kwargs={"x": 2})) == {"one": 1, "two": 2, "x": 2}


def test_an_exception_is_a_result_with_the_arguments():
    failed = json.loads(work([1, 2, 3]))
    assert "takes" in failed["ERROR"]
    assert (failed["ARGS"], failed["KWARGS"]) == ([[1, 2, 3]], {})


def test_an_exception_without_words_is_an_error_too():
    @attempt
    def fail():
        raise KeyError

    assert fail()["ERROR"] == "KeyError"


def test_results_can_be_had_as_they_are_and_the_arguments_are_not_changed():
    call = {"one": 1, "return_as_dict": True}
    assert work(call) == {"one": 1, "two": 2}
    assert call == {"one": 1, "return_as_dict": True}
    assert work([1], return_as_dict=True) == {"one": 1, "two": 2}


def test_text_stays_and_none_is_an_empty_map():
    assert as_json(lambda: "ERROR: no")() == "ERROR: no"
    assert as_json(lambda: None)() == "{}"


def test_the_functions_keep_their_name_and_say_what_they_take(project):
    project("decorated", "from tests.dljob.test_decorators import work\ndef plain(args): ...\n")
    assert (work.__name__, work.__doc__) == ("work", "What it does.")
    assert load.takes("decorated", "work", "args", "kwargs")
    assert load.takes("decorated", "plain", "args")
    assert not load.takes("decorated", "plain", "kwargs")
