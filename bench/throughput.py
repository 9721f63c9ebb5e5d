"""1,000 x /bin/true with two at a time: milliseconds a job, beside peers that keep less."""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable

from daemon import describe, header, running

from labd.wire.blocking import Client

JOBS, ROUNDS = 1000, 3
SPEC = {"argv": ["/bin/true"], "cwd": "/", "env": {"PATH": "/usr/bin:/bin"}}


def labd(socket: str) -> None:
    with Client(socket) as client:
        ids = [client.call("job.submit", {"spec": SPEC})["job"]["id"] for _ in range(JOBS)]
        ended = client.call("job.wait", {"jobs": ids})["jobs"]
        assert all(job["state"] == "succeeded" for job in ended)


def labd_array(socket: str) -> None:
    array = {"ranges": [[0, JOBS - 1, 1]], "limit": 2}
    with Client(socket) as client:
        job = client.call("job.submit", {"spec": SPEC | {"array": array}})["job"]["id"]
        [ended] = client.call("job.wait", {"jobs": [job]})["jobs"]
        assert ended["tasks"]["succeeded"] == JOBS


def spawn_floor() -> None:
    """posix_spawn and wait, two at a time, nothing kept."""
    alive = 0
    for _ in range(JOBS):
        if alive == 2:
            os.wait()
            alive -= 1
        os.posix_spawn("/bin/true", ["true"], {})
        alive += 1
    while alive:
        os.wait()
        alive -= 1


def xargs() -> None:
    words = "\n".join(["x"] * JOBS)
    subprocess.run(["xargs", "-P2", "-n1", "/bin/true"], input=words, text=True, check=True)


def task_spooler(folder: str) -> None:
    env = os.environ | {"TS_SOCKET": f"{folder}/ts", "TMPDIR": folder, "TS_MAXFINISHED": "10"}
    subprocess.run(["tsp", "-S", "2"], env=env, check=True)
    for _ in range(JOBS):
        subprocess.run(["tsp", "/bin/true"], env=env, capture_output=True, check=True)
    subprocess.run(["tsp", "-w"], env=env, check=False)
    subprocess.run(["tsp", "-K"], env=env, check=False)


def gnu_parallel(folder: str) -> None:
    words = ["parallel", "-j2", "--joblog", f"{folder}/joblog", "/bin/true", ":::", *map(str, range(JOBS))]
    subprocess.run(words, env=os.environ | {"HOME": folder}, stdin=subprocess.DEVNULL, check=True)


def hyperqueue() -> Callable[[], None] | None:
    """An array of HyperQueue's, with server and worker in this process; None where it is not installed."""
    try:
        from hyperqueue import Job, LocalCluster
        from hyperqueue.cluster import WorkerConfig
    except ImportError:
        return None
    cluster = LocalCluster()
    cluster.start_worker(WorkerConfig(cores=2))
    client = cluster.client()

    def work() -> None:
        job = Job()
        for _ in range(JOBS):
            job.program(["/bin/true"], stdout=None, stderr=None)
        client.wait_for_jobs([client.submit(job)])

    return work


def median_of(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) / JOBS * 1e3


def main() -> None:
    header(f"{JOBS} x /bin/true, two at a time, median of {ROUNDS}")
    with tempfile.TemporaryDirectory() as folder:
        peers = {"posix_spawn floor": spawn_floor, "xargs -P2": xargs}
        if shutil.which("tsp"):
            peers["task-spooler (not durable)"] = lambda: task_spooler(folder)
        else:
            print("task-spooler is not installed (apt install task-spooler): left out")
        if shutil.which("parallel"):
            peers["GNU parallel --joblog"] = lambda: gnu_parallel(folder)
        else:
            print("GNU parallel is not installed (apt install parallel): left out")
        if (queue := hyperqueue()) is not None:
            peers["HyperQueue (waits in 1 s steps)"] = queue
        else:
            print("HyperQueue is not installed (pip install hyperqueue): left out")
        # ours first: ext4 without a journal makes files slowly for minutes after others were removed
        with running() as daemon:
            ours = median_of(lambda: labd(daemon.socket))
            array = median_of(lambda: labd_array(daemon.socket))
            results = {name: median_of(work) for name, work in peers.items()}
    print(f"{'labd (durable, captured)':32} {ours:6.2f} ms a job")
    print(f"{'labd, as one array':32} {array:6.2f} ms a task")
    for name, value in results.items():
        print(
            f"{name:32} {value:6.2f} ms a job   labd / this: {ours / value:.2f}, array: {array / value:.2f}"
        )


if __name__ == "__main__":
    describe(__doc__)
    main()
