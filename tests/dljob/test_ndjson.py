import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.dljob import ndjson
from labd.errors import UsageError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_every_value_is_one_line_that_says_the_same(value):
    line = ndjson.dump(value)
    assert "\n" not in line
    assert json.loads(line) == value


@given(st.text())
def test_text_is_a_line_of_json_whatever_it_says(text):
    line = ndjson.as_line(text)
    assert "\n" not in line
    json.loads(line)


def test_what_is_not_finite_is_null_and_arrays_are_lists():
    assert ndjson.dump({"a": math.nan, "b": [math.inf, 1.5]}) == '{"a": null, "b": [null, 1.5]}'
    assert ndjson.dump({"a": np.arange(3), "b": np.float32(0.5)}) == '{"a": [0, 1, 2], "b": 0.5}'
    assert ndjson.dump(np.array([np.nan])) == "[null]"


def test_what_is_no_json_says_what_it_is():
    circle = []
    circle.append(circle)
    for value in ({1, 2}, b"x", object(), {(1, 2): 3}, circle):
        with pytest.raises(TypeError):
            ndjson.dump(value)


def test_written_values_are_read_again(tmp_path):
    path = tmp_path / "deep" / "a.ndjson"
    ndjson.write({"a": 1}, path)
    ndjson.write(iter([1, "two", '{"three":\n 3}']), path)
    ndjson.write([4, 5], path)
    assert ndjson.read(path) == [{"a": 1}, 1, "two", {"three": 3}, [4, 5]]
    ndjson.write(7, path, overwrite=True, func=lambda value, more: value + more, more=1)
    assert path.read_text() == "8\n"


def test_a_function_over_a_file_and_over_its_results(tmp_path):
    path = tmp_path / "a.ndjson"
    ndjson.write(iter(range(3)), path)
    assert ndjson.apply(path, lambda x, by: x * by, by=10) == [0, 10, 20]
    total = ndjson.apply(path, lambda x: x, sum, {"start": 5})
    assert total == 8


def test_a_broken_line_is_named(tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"a": 1}\n\n{"a": 2\n')
    with pytest.raises(UsageError, match=r"a\.ndjson, line 3 is no JSON: '\{\"a\": 2'"):
        ndjson.read(path)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(UsageError, match="line 1"):
        ndjson.read(path)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(UsageError, match="line 1"):
        ndjson.read(path)
