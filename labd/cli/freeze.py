"""``labctl submit --snapshot``: the working tree as it is now, into the daemon's blob store."""

import argparse
import hashlib
import os
from collections.abc import Iterator
from typing import Any

from labd.cli import git, output
from labd.cli.refs import Calls
from labd.cli.render import safe
from labd.cli.upload import PIECE, Progress, put, put_all
from labd.cli.worktree import Found, Tree, tree_around
from labd.errors import UsageError
from labd.jobs.manifest import File, Link, encode, within
from labd.units import about_bytes

ASK = 10_000
"""Digests of one question."""

SMALL = PIECE
"""Bytes; files up to this travel many in a message."""


def freeze(args: argparse.Namespace, calls: Calls, spec: dict[str, Any]) -> None:
    """Add the frozen code to *spec* where it is wanted, uploading what the daemon lacks. Raises LabdError."""
    usual = calls.call("job.defaults", {})
    if args.snapshot is None and args.group not in usual["snapshot_groups"]:
        return
    tree = tree_around(os.path.abspath(args.snapshot or spec["cwd"]), usual["max_snapshot"])
    _settle(tree, spec)
    if args.dry_run:
        output.say(f"{len(tree.found)} files, {about_bytes(tree.size)} of {tree.root} would be frozen.")
        return
    spec["code"] = _uploaded(calls, tree)


def _settle(tree: Tree, spec: dict[str, Any]) -> None:
    """Have the job run at its place in the tree, and say what it will not find there."""
    cwd = os.path.realpath(spec["cwd"])
    if within(tree.root, cwd) is not None:
        spec["cwd"] = cwd
        _check_program(tree, spec, cwd)
    for word in spec["argv"]:
        if word.startswith("/") and within(tree.root, word) in {one.path for one in tree.found}:
            output.say(
                f"labctl: note: {safe(word)} is the file itself, not the frozen one: write it from here"
            )
    if out := [one.path for one in tree.found if one.link and _leads_out(tree.root, one.path)]:
        named = ", ".join(map(safe, out[:5])) + (", ..." if len(out) > 5 else "")
        output.say(f"labctl: note: links that lead out of the tree lead nowhere in its copy: {named}")


def _check_program(tree: Tree, spec: dict[str, Any], cwd: str) -> None:
    """A program that is not frozen, such as one of ``.venv``, is named by where it is."""
    word = spec["argv"][0] if spec["argv"] and "script" not in spec else ""
    if "/" not in word or word.startswith("/"):
        return
    path = os.path.join(cwd, word)
    if within(tree.root, path) not in {one.path for one in tree.found} and os.path.exists(path):
        spec["argv"] = [os.path.normpath(path), *spec["argv"][1:]]
        output.say(f"labctl: note: {safe(word)} is not frozen: the job runs it from where it is")


def _leads_out(root: str, path: str) -> bool:
    target = os.readlink(os.path.join(root, path))
    leads = os.path.normpath(os.path.join(root, os.path.dirname(path), target))
    return not target.startswith("/") and within(root, leads) is None


def _uploaded(calls: Calls, tree: Tree) -> dict[str, Any]:
    """The field ``code`` of the spec; all that it names is durable."""
    about = git.described(tree.root) if tree.git else {}
    changes = git.diff(tree.root) if "commit" in about else b""
    if changes is None:
        output.say(
            f"labctl: note: the diff is above {about_bytes(git.MAX_DIFF)} and not recorded; the tree is"
        )
    files = [_hashed(tree.root, one) for one in tree.found if not one.link]
    links = [Link(one.path, os.readlink(os.path.join(tree.root, one.path))) for one in tree.found if one.link]
    _send_missing(calls, tree.root, files)
    code = {"manifest": put(calls, [encode(files, links)]), "root": tree.root, "files": len(files), **about}
    if changes:
        code["diff"] = put(calls, [changes])
    return code | {"bytes": sum(file.size for file in files)}


def _send_missing(calls: Calls, root: str, files: list[File]) -> None:
    by_digest = {file.digest: file for file in files}
    digests = sorted(by_digest)
    lacking: list[File] = []
    for start in range(0, len(digests), ASK):
        reply = calls.call("blob.missing", {"digests": digests[start : start + ASK]})
        lacking += [by_digest[digest] for digest in reply["missing"]]
    progress = Progress(sum(file.size for file in lacking))
    small = [file for file in lacking if file.size <= SMALL]
    sent = put_all(calls, (b"".join(_read(root, file.path, file.size)) for file in small), progress)
    _check_same(small, sent)
    for file in lacking:
        if file.size > SMALL:
            _check_same([file], [put(calls, _read(root, file.path, file.size), progress)])


def _check_same(files: list[File], digests: list[str]) -> None:
    for file, digest in zip(files, digests, strict=True):
        if file.digest != digest:
            raise UsageError(f"{file.path} changed while it was read", hint="submit again")


def _hashed(root: str, found: Found) -> File:
    digest, size = hashlib.sha256(), 0
    for chunk in _read(root, found.path):
        digest.update(chunk)
        size += len(chunk)
    return File(found.path, digest.hexdigest(), size, found.executable)


def _read(root: str, path: str, expected: int | None = None) -> Iterator[bytes]:
    """The bytes of a file; of one that has grown since it had *expected* bytes only one more."""
    left = 2**63 if expected is None else expected + 1
    try:
        fd = os.open(os.path.join(root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb", buffering=0) as file:
            while chunk := file.read(min(PIECE, left)):
                left -= len(chunk)
                yield chunk
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="name it in .gitignore, or --no-snapshot"
        ) from error
