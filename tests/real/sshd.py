"""A real sshd on a loopback port: its own host key, its own authorized key, everything in one folder."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Self

from tests.daemon_process import CLEAN
from tests.support import wait_until

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
SEPARATION = Path("/run/sshd")
"""Where sshd of root wants an empty folder."""


class Sshd:
    """An sshd of whoever runs the tests; it lets in the key ``key`` of its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("host", "key", "stranger"):
            _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        (folder / "authorized").write_text((folder / "key.pub").read_text())
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        if os.getuid() == 0:
            SEPARATION.mkdir(mode=0o755, exist_ok=True)
        settings = {
            "HostKey": self.folder / "host", "AuthorizedKeysFile": self.folder / "authorized",
            "PidFile": "none", "ListenAddress": "127.0.0.1", "UsePAM": "no", "StrictModes": "no",
            "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no", "PermitRootLogin": "yes",
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", "/dev/null", "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._listens)
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def ssh(self, key: str = "key", known: bool = True) -> str:
        """The command that logs in here."""
        known_hosts = self.folder / "known"
        host_key = (self.folder / "host.pub").read_text()
        known_hosts.write_text(f"[127.0.0.1]:{self.port} {host_key}" if known else "")
        options = f"-F none -p {self.port} -i {self.folder / key} -o IdentitiesOnly=yes -o BatchMode=yes"
        return f"ssh {options} -o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=none"

    def labctl(self, socket_there: str) -> str:
        """A program that is labctl there, with its daemon at *socket_there*."""
        program = self.folder / "labctl there"
        program.write_text(
            f"#!/bin/sh\nexport LABD_SOCKET={socket_there} PYTHONPATH={os.getcwd()}\n"
            f'exec {sys.executable} -m labd.cli.labctl "$@"\n'
        )
        program.chmod(0o755)
        return f"'{program}'"

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text()
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _run(*words: str) -> None:
    subprocess.run(words, env=CLEAN, check=True, capture_output=True)
