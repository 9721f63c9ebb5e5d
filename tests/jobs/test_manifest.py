"""A manifest is an honest tree, or it is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.errors import UsageError
from labd.jobs import manifest
from labd.jobs.manifest import File, Link, decode, encode, within

DIGEST = "a" * 64


def a_file(path: str, **fields: object) -> dict[str, object]:
    return {"path": path, "mode": "644", "digest": DIGEST, "size": 3} | fields


def test_a_tree_comes_back_as_it_was_whatever_its_order():
    files = (File("b/run.sh", DIGEST, 5, True), File("a", DIGEST, 3), File("umläut \udcff", DIGEST, 0))
    links = (Link("c", "/etc"), Link("b/l", "../a"))
    data = encode(files, links)
    found = decode(data)
    assert (set(found.files), set(found.links)) == (set(files), set(links))
    assert (found.size, found.digests) == (8, {DIGEST})
    assert encode(reversed(files), reversed(links)) == data


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "a/", "a\0b", "x" * 4096, 3, None]
)
def test_no_path_leads_out(path):
    with pytest.raises(UsageError, match="an entry that is none"):
        decode(json.dumps([a_file(path)]).encode())
    with pytest.raises(UsageError, match="an entry that is none"):
        decode(json.dumps([{"path": path, "link": "x"}]).encode())


@pytest.mark.parametrize("above", [{"path": "a", "link": "/etc"}, a_file("a")])
@pytest.mark.parametrize("below", ["a/passwd", "a/b/c"])
def test_nothing_lies_below_a_link_or_a_file(above, below):
    with pytest.raises(UsageError, match="below 'a', which is no folder"):
        decode(json.dumps([above, a_file(below)]).encode())


@pytest.mark.parametrize(
    "wrong",
    [
        a_file("a", mode="777"),
        a_file("a", digest="A" * 64),
        a_file("a", size=-1),
        a_file("a", size=True),
        a_file("a", size=1.0),
        a_file("a", owner="root"),
        {"path": "a", "link": ""},
        {"path": "a"},
        "a",
        None,
    ],
)
def test_an_entry_is_exactly_what_it_should_be(wrong):
    with pytest.raises(UsageError, match="an entry that is none"):
        decode(json.dumps([wrong]).encode())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 100_000, b'"x"'])
def test_what_is_no_list_is_refused(data):
    with pytest.raises(UsageError, match="the manifest is not"):
        decode(data)


def test_each_path_stands_once_and_in_order():
    for paths in (["a", "a"], ["b", "a"]):
        with pytest.raises(UsageError, match="twice, or is not sorted"):
            decode(json.dumps([a_file(path) for path in paths]).encode())


def test_a_manifest_has_a_limit(monkeypatch):
    monkeypatch.setattr(manifest, "MAX_FILES", 1)
    monkeypatch.setattr(manifest, "MAX_SIZE", 500)
    with pytest.raises(UsageError, match="at most 1 entries"):
        decode(json.dumps([a_file("a"), a_file("b")]).encode())
    with pytest.raises(UsageError, match="above the limit of 500"):
        decode(b" " * 501)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_tree_or_refused(data):
    try:
        decode(data)
    except UsageError:
        pass  # the only way out


@pytest.mark.parametrize(
    ("root", "path", "place"),
    [
        ("/p", "/p", ""),
        ("/p", "/p/", ""),
        ("/p", "/p/sub/x", "sub/x"),
        ("/p", "/p/sub/../x", "x"),
        ("/p", "/pq", None),
        ("/p", "/p/../etc", None),
        ("/p", "/", None),
        ("/", "/etc", "etc"),
    ],
)
def test_where_a_path_is_in_a_tree(root, path, place):
    assert within(root, path) == place
