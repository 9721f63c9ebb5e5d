"""What git knows of a folder. Every word that git says of a failure reaches the person."""

import os
import subprocess

from labd.errors import UsageError

MAX_DIFF = 10 * 2**20
"""Bytes of a diff that is recorded; a longer one is left out."""

MAX_NAME = 200
"""Characters of a branch that are recorded."""

_OURS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
"""Set inside a hook of git: they would point it to another repository than the folder's own."""


def toplevel(folder: str) -> str | None:
    """The root of the working tree around *folder*; None when there is none, or no git. Raises UsageError."""
    try:
        done = _run(folder, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return None
    if done.returncode == 0:
        return os.fsdecode(done.stdout.removesuffix(b"\n")) or None
    if b"not a git repository" in done.stderr:
        return None
    raise _failed(folder, done)


def listed(root: str) -> list[str]:
    """Files that are tracked, or neither tracked nor ignored, as paths from *root*; submodules' as well.

    Raises UsageError when git cannot tell.
    """
    done = _run(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if done.returncode:
        raise _failed(root, done)
    found: list[str] = []
    for name in dict.fromkeys(os.fsdecode(part).rstrip("/") for part in done.stdout.split(b"\0") if part):
        inner = os.path.join(root, name)
        if os.path.isdir(inner) and not os.path.islink(inner):  # another repository inside this one
            found += [f"{name}/{deep}" for deep in listed(inner)] if _is_repository(inner) else []
        else:
            found.append(name)
    return found


def described(root: str) -> dict[str, str]:
    """``commit``, ``branch`` and ``remote`` (without credentials), as far as there are any."""
    asked = {
        "commit": _out(root, "rev-parse", "--verify", "-q", "HEAD"),
        "branch": _out(root, "symbolic-ref", "--short", "-q", "HEAD"),
        "remote": _out(root, "config", "--get", "remote.origin.url"),
    }
    found = {name: out.decode(errors="replace").strip() for name, out in asked.items()}
    found["remote"] = public(found["remote"])[:2000]
    return {name: text[:MAX_NAME] if name == "branch" else text for name, text in found.items() if text}


def diff(root: str) -> bytes | None:
    """From the commit to the working tree, binaries included; None when longer than :data:`MAX_DIFF`."""
    words = ("diff", "--no-ext-diff", "--no-textconv", "--no-color", "--binary", "HEAD")
    with subprocess.Popen(
        _command(root, *words), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
    ) as process:
        assert process.stdout is not None, "a pipe was asked for"
        found = process.stdout.read(MAX_DIFF + 1)
        process.kill()
    return found if len(found) <= MAX_DIFF else None


def public(url: str) -> str:
    """*url* without the name and password that may stand before the host."""
    scheme, there, rest = url.partition("://")
    if not there:
        return url  # a path, or host:path of ssh, which has no place for a password
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path.partition('?')[0]}"


def _failed(folder: str, done: "subprocess.CompletedProcess[bytes]") -> UsageError:
    said = done.stderr.decode(errors="replace").strip()
    return UsageError(f"git in {folder}: {said}", hint="--no-snapshot submits without frozen code")


def _is_repository(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, ".git"))


def _out(root: str, *words: str) -> bytes:
    return _run(root, *words).stdout


def _run(folder: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(_command(folder, *words), capture_output=True, env=_environment(), check=False)


def _command(folder: str, *words: str) -> list[str]:
    return ["git", "-C", folder, *words]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return kept | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
