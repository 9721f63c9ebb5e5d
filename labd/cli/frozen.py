"""Getting a job's frozen code back: its blobs, its diff, its tree."""

import hashlib
import os
from collections.abc import Iterator
from typing import Any

from labd.cli import exits, output
from labd.cli.refs import Calls, Ref
from labd.errors import NotFound, StateError


def code_of(calls: Calls, job: Ref) -> tuple[int, dict[str, Any]]:
    """The job's id and what its frozen code is. Raises NotFound, NotPermitted."""
    reply = calls.call("job.code", {"job": job})
    return int(reply["job"]), reply["code"]


def blob(calls: Calls, job: int, digest: str) -> Iterator[bytes]:
    """The bytes of a blob of the job's code, in pieces. Raises StateError for damaged ones."""
    found, offset, size = hashlib.sha256(), 0, 1
    while offset < size:
        reply = calls.call("blob.get", {"job": job, "digest": digest, "offset": offset})
        if not reply["data"] and offset < reply["size"]:
            break
        offset, size = reply["offset"], reply["size"]
        found.update(reply["data"])
        yield reply["data"]
    if found.hexdigest() != digest:
        raise StateError(f"blob {digest} of job {job} is damaged", hint="labctl doctor; submit the job again")


def show_diff(calls: Calls, ref: Ref, *, pager: bool, json: bool) -> int:
    """Print the recorded diff. Raises NotFound when there is none."""
    job, code = code_of(calls, ref)
    if not code.get("diff"):
        why = "it was the same as its commit" if code.get("commit") else "it was in no commit of git"
        raise NotFound(
            f"the code of job {job} has no diff: {why}, or too much", hint=f"labctl checkout {job}"
        )
    text = b"".join(blob(calls, job, code["diff"]))
    if json:
        output.emit(job=job, commit=code.get("commit", ""), diff=text)
    elif pager:
        _through_pager(text)
    else:
        _write(text)
    return exits.OK


def _through_pager(text: bytes) -> None:
    import subprocess

    subprocess.run(os.environ.get("PAGER") or "less", shell=True, input=text, check=False)


def _write(text: bytes) -> None:
    import sys

    output.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
