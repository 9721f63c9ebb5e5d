"""The line finder agrees with tomllib about every key, and knows where it stands."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labd.config.lines import find_lines, line_of, split_key
from labd.config.render import toml_text

DOCUMENT = '''\
# a comment with [brackets] and = signs
top = 1
[jobs]            # comment
max_queued = 5
"quoted key" = """
[not.a.header]
x = 1
"""
a.b."c.d" = 'lit # eral'

[plugins.edge]
inline = { x = 1, y = { z = "}" } }
list = [
  1,   # one ]
  "two",
  { three = 3 },
]
long = \'\'\'
text = 1\'\'\'\'
[[plugins.edge.cameras]]
url = "first"
[plugins.edge.cameras.lens]
mm = 50
[[plugins.edge.cameras]]

url = "second"
when = 2024-01-01T10:00:00Z
'''
PLACES = {
    ("top",): 2,
    ("jobs",): 3,
    ("jobs", "max_queued"): 4,
    ("jobs", "quoted key"): 5,
    ("jobs", "a", "b", "c.d"): 9,
    ("plugins", "edge"): 11,
    ("plugins", "edge", "inline", "y", "z"): 12,
    ("plugins", "edge", "list"): 13,
    ("plugins", "edge", "list", 0): 14,
    ("plugins", "edge", "list", 1): 15,
    ("plugins", "edge", "list", 2, "three"): 16,
    ("plugins", "edge", "long"): 18,
    ("plugins", "edge", "cameras", 0): 20,
    ("plugins", "edge", "cameras", 0, "url"): 21,
    ("plugins", "edge", "cameras", 0, "lens"): 22,
    ("plugins", "edge", "cameras", 0, "lens", "mm"): 23,
    ("plugins", "edge", "cameras", 1): 24,
    ("plugins", "edge", "cameras", 1, "url"): 26,
    ("plugins", "edge", "cameras", 1, "when"): 27,
}


def paths(value, at=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield (*at, step)
        yield from paths(inner, (*at, step))


@pytest.mark.parametrize("path", PLACES, ids=str)
def test_each_key_is_found_on_its_line(path):
    assert find_lines(DOCUMENT)[path] == PLACES[path]


def test_the_finder_knows_exactly_the_keys_that_tomllib_reads():
    assert set(find_lines(DOCUMENT)) == set(paths(tomllib.loads(DOCUMENT)))


def test_a_key_that_is_not_there_has_the_line_of_its_table():
    lines = find_lines(DOCUMENT)
    assert line_of(lines, ("jobs", "other", "deep")) == 3
    assert line_of(lines, ("other",)) == 0


@pytest.mark.parametrize(
    "text", ["[", "a =", 'a = "', "a = [1,", "[a", "= 1", "a = {b", "\x00", "[" * 3000, "a" * 9]
)
def test_text_that_is_no_toml_does_no_harm(text):
    assert all(line >= 1 for line in find_lines(text).values())


def test_keys_are_split_as_toml_does():
    assert split_key("a.\"b.c\" . 'd'") == ("a", "b.c", "d")


KEYS = st.text(max_size=6)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=5)


@settings(deadline=None)
@given(TABLES, st.integers(0, 3))
def test_any_value_is_written_and_found_again(table, gap):
    blank = "\n# [x]\n" * gap
    text = "".join(f"{blank}{line}\n" for line in toml_lines(table))
    assert tomllib.loads(text) == table
    lines = find_lines(text)
    assert set(lines) == set(paths(table))
    for number, key in enumerate(table, start=1):
        assert lines[(key,)] == number + number * gap * 2


def toml_lines(table):
    from labd.config.origins import key_text

    return [f"{key_text(key)} = {toml_text(value)}" for key, value in table.items()]
