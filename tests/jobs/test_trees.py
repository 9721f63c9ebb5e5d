"""Frozen trees: laid out whole from good blobs, or not at all."""

import os
from pathlib import Path

import pytest

from labd.api.jobs import Code, JobSpec
from labd.jobs import attempts
from labd.jobs.code import CodeUnusable, blobs_of, read_manifest
from labd.jobs.manifest import File, Link, Manifest, encode
from labd.jobs.model import apply
from labd.jobs.order import Surroundings, User, order_for
from labd.jobs.trees import Trees, lay_out
from labd.store import Blobs
from tests.jobs.build import a_job, event


@pytest.fixture
def blobs(tmp_path):
    return Blobs(str(tmp_path / "blobs"))


@pytest.fixture
def code(blobs):
    files = [File("a.py", blobs.put(b"one"), 3), File("sub/run.sh", blobs.put(b"two"), 3, True)]
    made = encode(files, [Link("sub/link", "../a.py"), Link("etc", "/etc")])
    return Code(manifest=blobs.put(made), root="/home/a/p", files=2, bytes=6, diff=blobs.put(b"diff"))


def damage(path: str) -> None:
    Path(path).write_bytes(b"[]")


def nothing() -> None:
    pass


def starting(**spec):
    job = a_job(**spec)
    return apply(job, event("job.starting", 2, job=1, attempt=1, token="t" * 16, gpu_ids=[]))


def test_a_tree_is_laid_out_with_modes_links_and_the_place_of_the_job(blobs, code, tmp_path):
    where = tmp_path / "tree"
    lay_out(blobs, read_manifest(code.manifest, blobs), str(where), None, "logs/new", nothing)
    assert (where / "a.py").read_bytes() == b"one"
    assert oct((where / "a.py").stat().st_mode & 0o777) == "0o644"
    assert oct((where / "sub/run.sh").stat().st_mode & 0o777) == "0o755"
    assert (os.readlink(where / "sub/link"), os.readlink(where / "etc")) == ("../a.py", "/etc")
    assert oct(where.stat().st_mode & 0o777) == "0o700"
    assert (where / "logs/new").is_dir()


@pytest.mark.parametrize("place", ["etc", "etc/x", "a.py", "a.py/x"])
def test_a_place_that_is_no_folder_is_not_made(blobs, code, tmp_path, place):
    where = tmp_path / "tree"
    lay_out(blobs, read_manifest(code.manifest, blobs), str(where), None, place, nothing)
    assert os.path.islink(where / "etc")
    assert not os.path.lexists("/etc/x")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_everything_belongs_to_the_submitter_and_nothing_outside_does(blobs, code, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    tree = Manifest(read_manifest(code.manifest, blobs).files, (Link("out", str(outside)),))
    where = tmp_path / "tree"
    lay_out(blobs, tree, str(where), User(65534, 65534, ()), "place", nothing)
    found = [where, *where.rglob("*")]
    assert len(found) == 6
    assert {os.lstat(path).st_uid for path in found} == {65534}
    assert outside.stat().st_uid == 0


def test_a_damaged_or_missing_blob_is_named_by_its_file(blobs, code, tmp_path):
    tree = read_manifest(code.manifest, blobs)
    path = Path(blobs.path(tree.files[1].digest))
    path.write_bytes(b"twx")
    with pytest.raises(CodeUnusable, match=r"sub/run\.sh: .* has changed on disk"):
        lay_out(blobs, tree, str(tmp_path / "1"), None, "", nothing)
    path.unlink()
    with pytest.raises(CodeUnusable, match=r"sub/run\.sh: no blob"):
        lay_out(blobs, tree, str(tmp_path / "2"), None, "", nothing)


async def test_a_tree_that_fails_leaves_nothing(blobs, code, tmp_path):
    trees = Trees(str(tmp_path / "unpacked"), blobs)
    damage(blobs.path(code.manifest))
    with pytest.raises(CodeUnusable, match="has changed on disk"):
        async with trees.laid_out(starting(code=code), None):
            pass
    assert os.listdir(tmp_path / "unpacked") == []


async def test_a_tree_goes_into_the_attempts_folder(blobs, code, tmp_path):
    trees = Trees(str(tmp_path / "unpacked"), blobs)
    job, folder = starting(code=code, cwd="/home/a/p/sub"), str(tmp_path / "jobs/0/1.1")
    async with trees.laid_out(job, None) as tree:
        order = order_for(job, folder, Surroundings({"PWD": "/home/a/p/sub"}))
        os.close(attempts.prepare(folder, order, tree))
    assert order["cwd"] == order["env"]["PWD"] == f"{folder}/code/sub"
    assert order["env"]["LABD_CODE_DIR"] == f"{folder}/code"
    assert sorted(os.listdir(f"{folder}/code")) == ["a.py", "etc", "sub"]
    assert os.listdir(tmp_path / "unpacked") == []


async def test_a_tree_that_is_not_taken_is_removed(blobs, code, tmp_path):
    trees = Trees(str(tmp_path / "unpacked"), blobs)
    with pytest.raises(FileExistsError):
        async with trees.laid_out(starting(code=code), None) as tree:
            os.mkdir(tree)
    assert os.listdir(tmp_path / "unpacked") == []


async def test_a_job_without_frozen_code_has_no_tree(blobs, tmp_path):
    async with Trees(str(tmp_path / "unpacked"), blobs).laid_out(starting(), None) as tree:
        assert tree is None
    assert "LABD_CODE_DIR" not in order_for(starting(), "/f", Surroundings({}))["env"]


def test_a_job_elsewhere_stays_where_it_is(code):
    order = order_for(starting(code=code, cwd="/home/a/pq"), "/f", Surroundings({}))
    assert order["cwd"] == "/home/a/pq"


def test_what_an_earlier_daemon_left_is_removed(blobs, tmp_path):
    (tmp_path / "unpacked/1.1/code").mkdir(parents=True)
    Trees(str(tmp_path / "unpacked"), blobs)
    assert os.listdir(tmp_path / "unpacked") == []


def test_every_blob_of_a_job_is_known(blobs, code):
    spec = JobSpec(argv=("true",), code=code)
    files = {blobs.put(b"one"), blobs.put(b"two")}
    assert blobs_of(spec, blobs) == {code.manifest, code.diff} | files
    assert blobs_of(JobSpec(argv=("true",)), blobs) == set()
    Path(blobs.path(code.manifest)).unlink()
    assert blobs_of(spec, blobs) == {code.manifest, code.diff}
