import pytest

from labd.dljob import helpers as h


@pytest.mark.parametrize("text", ["false", "None", "NO", "null", "f", "n", "0"])
def test_these_words_are_false(text):
    assert h.truthy(text) is False


@pytest.mark.parametrize("text", ["true", "", "off", "1", "anything"])
def test_every_other_text_is_true(text):
    assert h.truthy(text) is True


def test_what_is_no_text_stays_what_it_is():
    assert [h.truthy(value) for value in (True, 0, 3, None)] == [True, 0, 3, None]
    with pytest.raises(ValueError, match=r"1\.5 is neither"):
        h.truthy(1.5)


def test_words_that_clearly_say_so_become_booleans():
    assert [h.bool_str(v) for v in ("True", "f", "name", "", 2)] == [True, False, "name", "", 2]


def test_lists_of_arguments_are_copies():
    base = {"action": "hello", "deep": [1]}
    assert h.update_list(base, range(2), "id") == [{**base, "id": 0}, {**base, "id": 1}]
    made = h.update_list(base, [{"id": 1, "out": 11}])
    assert made == [{**base, "id": 1, "out": 11}]
    made[0]["deep"].append(2)
    assert base == {"action": "hello", "deep": [1]}


def test_a_copy_is_updated_by_a_map_a_key_or_not_at_all():
    assert h.copy_update({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    assert h.copy_update({"a": 1}, "a", 3) == {"a": 3}
    assert h.copy_update({"a": 1}, None, 3) == {"a": 1}
