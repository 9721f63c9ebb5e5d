"""Which files a snapshot takes, and whether they are few and small enough. Nothing here reads a file."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from labd.cli import git, output
from labd.cli.render import safe
from labd.errors import Refused, UsageError
from labd.jobs.manifest import MAX_FILES
from labd.units import about_bytes

JUNK = frozenset({
    ".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", ".tox", ".nox", ".mypy_cache",
    ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints", ".DS_Store",
})  # fmt: skip
"""Names that are left out where no git says what is ignored; so is every virtual environment."""

SHOWN = 5
"""The largest things that are named when there is too much."""


class Found(NamedTuple):
    """A regular file or a link below the root; *size* in bytes."""

    path: str
    size: int
    executable: bool
    link: bool


class Tree(NamedTuple):
    """The working tree at *root*, a real path. *git* says whether git chose the files."""

    root: str
    found: tuple[Found, ...]
    git: bool

    @property
    def size(self) -> int:
        return sum(one.size for one in self.found if not one.link)


def tree_around(folder: str, limit: int) -> Tree:
    """The working tree around *folder*, at most *limit* bytes large. Raises Refused, UsageError."""
    if not os.path.isdir(folder):
        raise UsageError(f"--snapshot: there is no folder {folder}")
    top = git.toplevel(folder)
    root = os.path.realpath(top or folder)
    names = iter(git.listed(root)) if top else _walked(root)
    tree = Tree(root, tuple(_looked_at(root, names)), top is not None)
    _check(tree, limit)
    return tree


def _walked(root: str) -> Iterator[str]:
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not _is_junk(folder, name))
        links = [name for name in inner if os.path.islink(os.path.join(folder, name))]
        for name in (*links, *names):
            if name not in JUNK and not name.endswith(".pyc"):
                yield os.path.relpath(os.path.join(folder, name), root)


def _is_junk(folder: str, name: str) -> bool:
    return name in JUNK or os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def _looked_at(root: str, names: Iterator[str]) -> Iterator[Found]:
    """What lies there; a tracked file that was removed is not there, and what is no file is said."""
    for count, path in enumerate(names):
        try:
            found = os.lstat(os.path.join(root, path))
        except (FileNotFoundError, NotADirectoryError):
            continue
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            link = stat.S_ISLNK(found.st_mode)
            yield Found(path, found.st_size, bool(found.st_mode & stat.S_IXUSR), link)
        else:
            output.say(f"labctl: note: {safe(path)} is left out: it is no file, folder or link")
        if count > 10 * MAX_FILES:
            return


def _check(tree: Tree, limit: int) -> None:
    if tree.size > limit:
        raise Refused(
            f"the tree {tree.root} has {about_bytes(tree.size)}; the limit for frozen code is "
            f"{about_bytes(limit)} (jobs.max_snapshot). The largest: {_largest(tree, by_size=True)}",
            hint=_how(tree),
        )
    if len(tree.found) > MAX_FILES:
        raise Refused(
            f"the tree {tree.root} has {len(tree.found)} files; frozen code may have {MAX_FILES}. "
            f"The most: {_largest(tree, by_size=False)}",
            hint=_how(tree),
        )


def _largest(tree: Tree, *, by_size: bool) -> str:
    sizes: Counter[str] = Counter()
    for one in tree.found:
        head, slash, _ = one.path.partition("/")
        sizes[head + slash] += one.size if by_size else 1
    return ", ".join(
        f"{safe(name)} ({about_bytes(size) if by_size else size})" for name, size in sizes.most_common(SHOWN)
    )


def _how(tree: Tree) -> str:
    ignore = "name them in .gitignore (and `git rm --cached` what is tracked)"
    first = ignore if tree.git else f"`git init` there and {ignore}, or --snapshot=DIR for a smaller folder"
    return f"{first}; --no-snapshot submits without"
