"""What labd costs when nothing happens: CPU of a status, memory and CPU of an idle daemon."""

import os
import resource
import statistics
import subprocess
import sys
import time

import psutil
from daemon import describe, header, running

ROUNDS, IDLE = 15, 20.0


def cpu_of(*command: str, env: dict[str, str] | None = None) -> float:
    """Median CPU seconds (user and system) of running *command*."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, env=env, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(times)


def idle(pid: int) -> tuple[float, float]:
    """Resident bytes, and the share of one core used over :data:`IDLE` seconds."""
    process = psutil.Process(pid)
    before = process.cpu_times()
    time.sleep(IDLE)
    after = process.cpu_times()
    used = after.user + after.system - before.user - before.system
    return process.memory_info().rss, used / IDLE


def main() -> None:
    header("footprint")
    bare = cpu_of(sys.executable, "-c", "pass")
    with running() as daemon:
        env = os.environ | {"LABD_SOCKET": daemon.socket}
        labctl = os.path.join(os.path.dirname(sys.executable), "labctl")
        command = [labctl] if os.path.exists(labctl) else [sys.executable, "-m", "labd.cli.labctl"]
        status = cpu_of(*command, "status", env=env)
        memory, share = idle(daemon.process.pid)
        print(f"start to first answer     {daemon.ready_after * 1e3:6.0f} ms")
    print(f"labctl status             {status * 1e3:6.1f} ms of CPU   bare interpreter {bare * 1e3:.1f} ms")
    print(f"idle daemon               {memory / 2**20:6.1f} MiB resident, {share * 100:.2f} % of a core")


if __name__ == "__main__":
    describe(__doc__)
    main()
