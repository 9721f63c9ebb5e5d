"""The frozen code of a job: what it names in the blob store."""

from labd.api.jobs import Code, JobSpec
from labd.errors import LabdError, StateError
from labd.jobs import manifest
from labd.jobs.manifest import Manifest
from labd.store.blobs import Blobs


class CodeUnusable(StateError):
    """What a job needs of the blob store cannot be had, now or later: blobs are gone or damaged."""


def blobs_of(spec: JobSpec, blobs: Blobs) -> set[str]:
    """Every blob that a job with *spec* needs: lines of tasks, and what :func:`named_by` says. Blocks."""
    lines = {spec.array.items} if spec.array and spec.array.items else set()
    return named_by(spec.code, blobs) | lines


def named_by(code: Code | None, blobs: Blobs) -> set[str]:
    """The blobs of frozen code: manifest, diff, files. Blocks.

    Of a tree whose manifest is lost or damaged the files are not known any more; it has none then.
    """
    if code is None:
        return set()
    named = {code.manifest, *([code.diff] if code.diff else [])}
    try:
        return named | read_manifest(code.manifest, blobs).digests
    except CodeUnusable:
        return named


def read_manifest(digest: str, blobs: Blobs) -> Manifest:
    """The manifest, checked. Blocks. Raises CodeUnusable."""
    try:
        return manifest.decode(blobs.get(digest))
    except LabdError as error:
        raise CodeUnusable(error.message, hint="submit the job again") from error
