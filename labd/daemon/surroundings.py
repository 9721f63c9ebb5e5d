"""What a job finds when it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labd.daemon.peers import base_environment, runs_as
from labd.jobs import table
from labd.jobs.model import Job
from labd.jobs.order import Surroundings

if TYPE_CHECKING:
    from labd.daemon.app import Daemon


async def surroundings(daemon: Daemon, job: Job) -> Surroundings:
    env = daemon.store.read(lambda conn: table.environment(conn, job.environment))
    whole = base_environment(job.user) | env | {"LABD_SOCKET": daemon.setup.paths.socket}
    return Surroundings(
        whole,
        runs_as(job.uid, job.gid, job.user),
        daemon.ledger.capacity.known,
        daemon.delegation.path if daemon.delegation else "",
        daemon.control.config.jobs.enforce_cpus,
        await daemon.desk.lines.of(job),
    )
