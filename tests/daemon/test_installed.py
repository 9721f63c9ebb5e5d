"""What is installed, read from metadata folders as several installers leave them."""

from importlib.metadata import distributions

import pytest

from labd.daemon import installed


@pytest.fixture
def place(tmp_path):
    def put(folder, files):
        made = tmp_path / folder
        made.mkdir(parents=True)
        for name, text in files.items():
            (made / name).write_text(text)
        return tmp_path

    return put


def test_it_says_what_importlib_says():
    theirs = {
        (one.name, one.version, each.group, each.name, each.value)
        for one in distributions()
        for each in one.entry_points
    }
    groups = {group for _, _, group, _, _ in theirs}
    ours = {
        (*installed.about(folder), group, *entry)
        for folder in installed.folders()
        for group in groups
        for entry in installed.entries(folder, group)
    }
    assert ours == theirs
    assert len(ours) > 10


def test_comments_and_other_groups_are_no_entries(place):
    lines = [
        "# labd",
        "[scripts]",
        "a = b:c",
        "",
        "[labd.plugins]",
        "; no",
        " x = m : p.q [e]",
        "[z]",
        "y = z",
    ]
    [folder] = installed.folders([str(place("a-1.0.dist-info", {"entry_points.txt": "\n".join(lines)}))])
    assert installed.entries(folder, "labd.plugins") == [("x", "m : p.q [e]")]


def test_of_one_name_the_first_counts_however_it_is_written(place, tmp_path):
    place("one/My_Plug.In-2.0.dist-info", {"METADATA": "Name: My-Plug.In\nVersion: 2.0\n\nVersion: 9\n"})
    place("two/my_plug_in-1.0.dist-info", {})
    place("two/other-1.0-py3.11.egg-info", {"PKG-INFO": "Name: other\nVersion: 1.0\n"})
    found = list(installed.folders([str(tmp_path / "one"), str(tmp_path / "two"), "/nowhere"]))
    assert [installed.about(folder) for folder in found] == [("My-Plug.In", "2.0"), ("other", "1.0")]


def test_metadata_without_a_name_is_an_error_that_says_where(place):
    path = place("x-1.0.dist-info", {"METADATA": "\nName: late\n"})
    [folder] = installed.folders([str(path)])
    with pytest.raises(ValueError, match="METADATA says no name"):
        installed.about(folder)


def test_what_is_not_installed_has_no_version():
    assert installed.version("labd")
    with pytest.raises(LookupError, match="no-such-thing is not installed"):
        installed.version("no-such-thing")
