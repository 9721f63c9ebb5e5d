"""How long until a job is safe, and until it runs: one client, one job at a time."""

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

from daemon import describe, header, milliseconds, running

from labd.wire.blocking import Client

JOBS = 300
ENV = {"PATH": "/usr/bin:/bin"}


def fsync_floor(folder: str) -> list[float]:
    """An append of 400 bytes and an fdatasync, as often."""
    times = []
    with open(f"{folder}/floor", "wb", buffering=0) as file:
        for _ in range(JOBS):
            began = time.perf_counter()
            file.write(b"x" * 400)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return times


def labd(socket: str, state: str, folder: str) -> tuple[list[float], list[float], list[float]]:
    """Seconds from the call to the acknowledgement, to the start that is recorded, and to what the job's own
    shell says of the time."""
    submits, begins, starts = [], [], []
    argv = ["sh", "-c", f"date +%s.%N > {folder}/stamp"]
    with Client(socket) as client:
        for _ in range(JOBS):
            wall, began = time.time(), time.perf_counter()
            answer = client.call("job.submit", {"spec": {"argv": argv, "cwd": "/", "env": ENV}})
            submits.append(time.perf_counter() - began)
            [job] = client.call("job.wait", {"jobs": [answer["job"]["id"]]})["jobs"]
            with open(f"{state}/jobs/{job['id'] // 1000}/{job['id']}.1/exit") as file:
                begins.append(json.load(file)["started"] - wall)
            with open(f"{folder}/stamp") as file:
                starts.append(float(file.read()) - wall)
    return submits, begins, starts


def task_spooler(folder: str) -> tuple[list[float], list[float]]:
    env = os.environ | {"TS_SOCKET": f"{folder}/ts", "TMPDIR": folder}
    submits, starts = [], []
    script = f"date +%s.%N > {folder}/stamp"
    for _ in range(min(JOBS, 100)):
        wall, began = time.time(), time.perf_counter()
        subprocess.run(["tsp", "sh", "-c", script], env=env, capture_output=True, check=True)
        submits.append(time.perf_counter() - began)
        subprocess.run(["tsp", "-w"], env=env, check=False)
        with open(f"{folder}/stamp") as file:
            starts.append(float(file.read()) - wall)
    subprocess.run(["tsp", "-K"], env=env, check=False)
    return submits, starts


def main() -> None:
    header("latency of one job at a time")
    with tempfile.TemporaryDirectory() as folder, running() as daemon:
        labd(daemon.socket, daemon.state, folder)  # warm up
        floor = fsync_floor(folder)
        submits, begins, starts = labd(daemon.socket, daemon.state, folder)
        print(f"fdatasync of 400 bytes     {milliseconds(floor)}")
        print(f"labd submit, durable       {milliseconds(submits)}")
        print(f"labd submit to its start   {milliseconds(begins)}")
        print(f"labd submit to its shell   {milliseconds(starts)}")
        if shutil.which("tsp"):
            ts_submits, ts_starts = task_spooler(folder)
            print(f"tsp submit, not durable    {milliseconds(ts_submits)}")
            print(f"tsp submit to its shell    {milliseconds(ts_starts)}")
            ratio = statistics.median(starts) / statistics.median(ts_starts)
            print(f"labd / tsp, submit to shell: {ratio:.2f}")
        else:
            print("task-spooler is not installed (apt install task-spooler): left out")
        print(f"labd submit / fsync floor: {statistics.median(submits) / statistics.median(floor):.2f}")


if __name__ == "__main__":
    describe(__doc__)
    main()
