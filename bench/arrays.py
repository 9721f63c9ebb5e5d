"""What an array costs to submit, and a job to submit behind 100,000 others."""

import statistics
import tempfile
import time
from pathlib import Path

from daemon import describe, header, running

from labd.cli.upload import put
from labd.wire.blocking import Client

ROUNDS = 5
HELD = {"argv": ["/bin/true"], "cwd": "/", "env": {"PATH": "/usr/bin:/bin"}, "hold": True}
QUEUED, SAMPLE = 100_000, 200


def array(client: Client, count: int) -> float:
    began = time.perf_counter()
    spec = HELD | {"array": {"ranges": [[0, count - 1, 1]]}}
    job = client.call("job.submit", {"spec": spec})["job"]["id"]
    seconds = time.perf_counter() - began
    client.call("job.cancel", {"job": job})
    return seconds


def lines(client: Client, path: Path, count: int) -> float:
    began = time.perf_counter()
    with path.open("rb") as file:
        digest = put(client, file)
    spec = HELD | {"array": {"ranges": [[0, count - 1, 1]], "items": digest}}
    job = client.call("job.submit", {"spec": spec})["job"]["id"]
    seconds = time.perf_counter() - began
    client.call("job.cancel", {"job": job})
    return seconds


def rss(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 2**20


def one(client: Client) -> float:
    began = time.perf_counter()
    client.call("job.submit", {"spec": HELD})
    return time.perf_counter() - began


def main() -> None:
    header(f"arrays, and a long queue; medians of {ROUNDS}")
    with running() as daemon, Client(daemon.socket) as client, tempfile.TemporaryDirectory() as folder:
        print(f"{'array of 1,000 submitted':44} {_median(array, client, 1000) * 1e3:8.2f} ms")
        print(f"{'array of 1,000,000 submitted':44} {_median(array, client, 10**6) * 1e3:8.2f} ms")
        path = Path(folder, "lines")
        path.write_text("".join(f"--lr 0.1 --seed {n}\n" for n in range(10**6)))
        print(f"{'array of 1,000,000 lines of a file':44} {_median(lines, client, path, 10**6):8.2f} s")
        print(f"{'memory of the daemon after that':44} {rss(daemon.process.pid):8.1f} MiB")
        empty = statistics.median(one(client) for _ in range(SAMPLE))
        for _ in range(QUEUED):
            one(client)
        full = statistics.median(one(client) for _ in range(SAMPLE))
        print(f"{'submit with an empty queue':44} {empty * 1e3:8.2f} ms")
        print(f"{f'submit with {QUEUED} waiting':44} {full * 1e3:8.2f} ms   ratio: {full / empty:.2f}")


def _median(work, *args) -> float:  # type: ignore[no-untyped-def]
    return statistics.median(work(*args) for _ in range(ROUNDS))


if __name__ == "__main__":
    describe(__doc__)
    main()
