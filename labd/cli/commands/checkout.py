"""``labctl checkout``: the frozen code of a job, written into a new folder."""

import argparse
import os

from labd.cli import exits, frozen, output
from labd.cli.connect import Connect
from labd.cli.parser import Parser, add_output
from labd.cli.refs import Calls, ref
from labd.errors import UsageError
from labd.jobs.manifest import File, Manifest, decode

HELP = """the frozen code of a job, as a folder

Writes the tree as it was when the job was submitted with --snapshot. DIR must be new or empty; without
one it is `job-ID` here."""
EXAMPLES = [
    ("labctl checkout 12", "into ./job-12"),
    ("labctl checkout train ../train-as-run", "into a folder of another name"),
]


def add_arguments(parser: Parser) -> None:
    parser.add_argument("job", metavar="JOB", help="which job")
    parser.add_argument("folder", metavar="DIR", nargs="?", help="where to (default: job-ID)")
    add_output(parser, "print the folder only")


def run(args: argparse.Namespace, connect: Connect) -> int:
    with connect() as client:
        job, code = frozen.code_of(client, ref(args.job))
        folder = os.path.abspath(args.folder or f"job-{job}")
        _make(folder)
        tree = decode(b"".join(frozen.blob(client, job, code["manifest"])))
        _write(client, job, tree, folder)
    if args.json:
        output.emit(job=job, folder=folder, files=len(tree.files), bytes=tree.size)
    else:
        files = "1 file" if len(tree.files) == 1 else f"{len(tree.files)} files"
        output.show([folder] if args.quiet else [f"Wrote {files} of job {job} to {folder}."])
    return exits.OK


def _make(folder: str) -> None:
    """Make the folder. Raises UsageError when something is in the way."""
    try:
        os.makedirs(folder, exist_ok=True)
        taken = os.listdir(folder)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", hint="name another folder") from error
    if taken:
        raise UsageError(f"{folder} is not empty", hint="name a new folder: labctl checkout JOB DIR")


def _write(calls: Calls, job: int, tree: Manifest, folder: str) -> None:
    """Links last: nothing is written through one."""
    for file in tree.files:
        _put(calls, job, file, os.path.join(folder, file.path))
    for link in tree.links:
        path = os.path.join(folder, link.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(link.target, path)


def _put(calls: Calls, job: int, file: File, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(
        path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o777 if file.executable else 0o666
    )
    with open(fd, "wb") as target:
        for piece in frozen.blob(calls, job, file.digest):
            target.write(piece)
