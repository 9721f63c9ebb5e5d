"""The archive that the SDK uploads: taken apart within limits, and never run."""

import io
import zipfile

import pytest
from labd_descartes import bundle

from labd.api import UsageError


def archive(**files: str) -> io.BytesIO:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
    found.seek(0)
    return found


GOOD = {bundle.ENTRY: "main = len\n", "data/a/rows.txt": "x" * 10, "data/empty": ""}


def test_its_files_come_in_pieces_and_its_requirements_as_a_list() -> None:
    text = "# ours\nnumpy>1 # new\n\nscipy\n"
    data, wanted = bundle.manifest(bundle.pieces(archive(**GOOD, **{"requirements.txt": text}), 10_000))
    assert set(data) == {*GOOD, "requirements.txt"}
    assert (len(data[bundle.ENTRY]), data["data/empty"]) == (1, [])
    assert wanted == ["numpy>1", "scipy"]


def test_a_large_file_has_several_pieces() -> None:
    found = [*bundle.pieces(archive(big="a" * (bundle.PIECE + 1)), 2 * bundle.PIECE)]
    assert [(name, len(piece)) for name, piece in found] == [("big", 0), ("big", bundle.PIECE), ("big", 1)]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a//b", "./a"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="a file with the name"):
        [*bundle.pieces(archive(**{name: "x"}), 10_000)]


def test_what_grows_beyond_the_limit_is_refused() -> None:
    with pytest.raises(UsageError, match="more than 5000 bytes when unpacked"):
        [*bundle.pieces(archive(bomb="0" * 50_000), 5000)]


def test_what_is_no_bundle_says_so() -> None:
    with pytest.raises(UsageError, match="no zip file"):
        [*bundle.pieces(io.BytesIO(b"PK, or not"), 100)]
    with pytest.raises(UsageError, match=r"has no dist/__dlentrypoint__\.py"):
        bundle.manifest(bundle.pieces(archive(a="b"), 100))
