"""Slurm's commands, run for a moment each."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

import trio

from labd_slurm import sbatch, squeue
from labd_slurm.settings import Settings
from labd_slurm.squeue import Array, Seen, Unanswered

PATIENCE = 60.0
"""Seconds for an answer. Slurm's own commands give up sooner when there is no controller."""

MOST_NAMES = 50
"""Names in one question; squeue shows all jobs when there are more."""


class Said(NamedTuple):
    """What a command left."""

    code: int
    out: bytes
    words: str


class Commands:
    """Runs them as *settings* say."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._env = sbatch.environment(os.environ, settings.config)
        self._has_accounts = True

    def missing(self) -> str:
        """The command that is not there, or nothing."""
        return next((name for name in ("sbatch", "squeue", "scancel") if self._find(name) is None), "")

    async def submit(self, options: Sequence[str], script: str, patience: float = PATIENCE) -> Said:
        """Hand *script* to sbatch. Raises Unanswered when it cannot be known whether Slurm took it."""
        return await self._run("sbatch", *options, patience=patience, feed=script.encode())

    async def arrays(self, prefix: str, names: Sequence[str]) -> dict[str, Array]:
        """The arrays that Slurm knows by names that begin with *prefix*; at least those of *names*.

        Raises Unanswered.
        """
        only = [f"--name={','.join(names)}"] if 0 < len(names) <= MOST_NAMES else []
        said = await self._run("squeue", "--json", "--states=all", *only)
        if said.code:
            raise Unanswered(sbatch.reason(said.words))
        return await trio.to_thread.run_sync(_arrays, said.out, prefix)

    async def accounts(self, name: str, since: str) -> dict[int, Seen]:
        """The tasks of the array *name* in Slurm's accounts, which many clusters do not have."""
        if not self._has_accounts or self._find("sacct") is None:
            return {}
        fields = "--format=JobID,State,ExitCode,NodeList"
        said = await self._run("sacct", "-n", "-P", "-X", f"--name={name}", f"--starttime={since}", fields)
        self._has_accounts = "storage is disabled" not in said.words
        return dict(squeue.accounts(said.out.decode(errors="replace")))

    async def cancel(self, name: str, jobs: Sequence[str]) -> None:
        """End those of *jobs* that have this *name*. Raises Unanswered."""
        said = await self._run("scancel", f"--name={name}", *jobs)
        if said.code and sbatch.refusal(said.words) == "away":
            raise Unanswered(sbatch.reason(said.words))

    async def largest_array(self) -> int | None:
        """Slurm's MaxArraySize; None where it does not say. Raises Unanswered."""
        said = await self._run("scontrol", "show", "config")
        for line in said.out.decode(errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "MaxArraySize" and value.strip().isdigit():
                return int(value)
        return None

    def _find(self, name: str) -> str | None:
        return shutil.which(name, path=self._settings.bin or self._env.get("PATH"))

    async def _run(self, name: str, *words: str, patience: float = PATIENCE, feed: bytes = b"") -> Said:
        path = self._find(name)
        if path is None:
            raise Unanswered(f"there is no {name}")
        with trio.move_on_after(patience):
            try:
                done = await trio.run_process(
                    [path, *words], stdin=feed, capture_stdout=True, capture_stderr=True, check=False,
                    env=self._env, start_new_session=True,
                )  # fmt: skip
            except (OSError, subprocess.SubprocessError) as error:
                raise Unanswered(f"{name} cannot be run: {error}") from error
            return Said(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        raise Unanswered(f"{name} gave no answer within {patience:g} s")


def _arrays(printed: bytes, prefix: str) -> dict[str, Array]:
    try:
        answer = json.loads(printed)
    except ValueError:
        raise Unanswered("squeue --json printed no JSON: Slurm must be 21.08 or newer") from None
    return squeue.arrays(answer, prefix)
