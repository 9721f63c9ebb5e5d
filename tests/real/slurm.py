"""A Slurm cluster of one node for tests: munged, slurmctld and slurmd as processes of the test.

All of it is in one folder, with a key, a socket and ports of its own; the machine's munge and Slurm are not
touched. Only processes that were started here are ever signalled.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from tests.daemon_process import CLEAN, PATIENCE, carrying
from tests.support import wait_until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"

CONF = """
ClusterName=labdtest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
CommunicationParameters=NoInAddrAny
ReturnToService=2
KillWait=3
MessageTimeout=2
MaxArraySize={largest}
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """The Debian packages whose programs are not here, or nothing; why else it cannot be had."""
    if os.geteuid():
        return "root"
    packages = {"munged": "munge", "sbatch": "slurm-client", "slurmctld": "slurmctld", "slurmd": "slurmd"}
    return " ".join(package for program, package in packages.items() if not _program(program))


ASK = 5.0
"""Seconds between two times that an admin has Slurm look at its node."""


class Slurm:
    """One cluster with *cpus* cores; ``with`` starts it, and ends it with all its jobs."""

    def __init__(self, cpus: int = 8, largest: int = 100) -> None:
        self.folder = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")
        self.config = f"{self.folder}/slurm.conf"
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._asked = 0.0
        os.chmod(self.folder, 0o755)
        for name in ("state", "spool"):
            Path(self.folder, name).mkdir()
        host, ports = _host(), _ports(2)
        text = CONF.format(
            folder=self.folder, host=host, ports=ports, user="root", largest=largest, cpus=cpus
        )
        Path(self.config).write_text(text)
        self.env = CLEAN | {"SLURM_CONF": self.config, "PATH": SBIN}

    def __enter__(self) -> Self:
        self._munge()
        self.start("slurmctld")
        self.start("slurmd")
        wait_until(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T"), PATIENCE, every=0.1)
        return self

    def _munge(self) -> None:
        key = Path(self.folder, "munge.key")
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        own = [f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        self._spawn("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *own)
        wait_until(Path(f"{self.folder}/munge.socket").exists, PATIENCE)

    def start(self, name: str) -> None:
        """Start ``slurmctld`` or ``slurmd``."""
        self._spawn(name, "-D")

    def kill(self, name: str, signum: int = signal.SIGKILL) -> None:
        """Signal one of the daemons, and wait for its end."""
        process = self._processes.pop(name)
        process.send_signal(signum)
        process.wait(PATIENCE)

    def resume(self) -> bool:
        """Do as an admin does when Slurm drains the node: after a crash it gives numbers of jobs that run to
        others, and takes fright at that. Jobs that ended while it was down it takes for running, for minutes,
        until it hears from the node what is there.
        """
        if time.monotonic() - self._asked > ASK:
            self._asked = time.monotonic()
            self.run("scontrol", "reconfigure")
        if "drain" in self.run("sinfo", "-h", "-o", "%T"):
            self.run("scontrol", "update", f"NodeName={_host()}", "State=RESUME")
        return True

    def run(self, *words: str) -> str:
        """What one of Slurm's commands prints."""
        done = subprocess.run(
            words, env=self.env, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        return done.stdout

    def jobs(self, *states: str) -> list[str]:
        """The tasks that Slurm has, as scancel takes them."""
        chosen = f"--states={','.join(states)}" if states else "--states=all"
        return self.run("squeue", "-h", "-r", chosen, "-o", "%i").split()

    def __exit__(self, *exc: object) -> None:
        for name in ("slurmctld", "slurmd", "munged"):
            if name in self._processes:
                self.kill(name)
        wait_until(self._nothing_left, PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _nothing_left(self) -> bool:
        left = carrying(self.folder)  # the daemons of tasks, and what they run
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was about to end
        return not left

    def _spawn(self, name: str, *words: str) -> None:
        path = _program(name)
        assert path is not None
        with Path(self.folder, f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [path, *words], env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/"
            )


def _host() -> str:
    return socket.gethostname().partition(".")[0]


def _program(name: str) -> str | None:
    return shutil.which(name, path=SBIN)


def _ports(count: int) -> list[int]:
    """Ports that nobody has now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found
