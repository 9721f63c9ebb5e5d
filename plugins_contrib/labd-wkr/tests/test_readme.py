"""Every program and command of the guide of wkr_serving, as it is printed there.

The guide is not part of this package: ``WKR_README`` says where one is. Only hosts, ports, paths and the
places that it leaves to the reader are filled in.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from labd_wkr.launch import wait_ready
from running import command, env, free_ports, run, running, until
from test_redis import SERVER
from wkr_serving.client.helper import get_redis_connection

README = os.environ.get("WKR_README", "")
pytestmark = pytest.mark.skipif(
    not README, reason="WKR_README does not say where the guide of wkr_serving is"
)

BLOCK = re.compile(r"^\.\. code-block:: (\w+)\n\n((?:(?:    .*)?\n)+)", re.MULTILINE)

TENSORFLOW = """
import logging
def get_logger(): return logging.getLogger("tf")
"""


@pytest.fixture(scope="module")
def blocks() -> list[str]:
    return [
        re.sub("^    ", "", text, flags=re.MULTILINE) for _, text in BLOCK.findall(Path(README).read_text())
    ]


def having(blocks: list[str], *parts: str) -> str:
    """The first block with all *parts*."""
    return next(block for block in blocks if all(part in block for part in parts))


def filled(text: str, values: dict[str, object]) -> str:
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, str(new))
    return text


def typed(folder: Path, text: str) -> list[str]:
    """How a shell runs *text*, whose first word is one of the commands."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    name = text.split()[0]
    (tools / name).write_text(f'#!/bin/sh\nexec {shlex.join(command(name))} "$@"\n')
    (tools / name).chmod(0o755)
    return ["sh", "-c", f"PATH={shlex.quote(str(tools))}:$PATH\nexec {text}"]


def test_the_server_its_script_and_the_client(blocks: list[str], tmp_path: Path) -> None:
    ports = free_ports(3)
    program = having(blocks, "class Worker(WKRHardWorker)")
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    (tmp_path / "server.py").write_text(program + "\nmodel = object()\nresult = [25]\n")
    places = {
        "/path/to/model": tmp_path / "models",
        "8996": ports[0],
        "8998": ports[1],
        "8900": ports[2],
        "/tmp/log_dir": tmp_path / "logs",
    }
    start = filled(having(blocks, "wkr-serving-start"), places)
    client = filled(having(blocks, "output = client.encode"), {"8996": ports[0], "8998": ports[1]})
    (tmp_path / "client.py").write_text(client + "    print(output)\n")
    with running(tmp_path, typed(tmp_path, start)):
        assert wait_ready("localhost", *ports[:2], 60)[0] == "ready", (tmp_path / "out").read_text()
        assert run(tmp_path, [sys.executable, "client.py"]).stdout == "25\n"
    assert subprocess.run(typed(tmp_path, filled(having(blocks, "wkr-serving-make"), places)), cwd=tmp_path,
                          env=env(), check=False, timeout=60).returncode == 0  # fmt: skip
    try:
        for verb in ("start", "stop", "start", "stopf"):
            assert having(blocks, f"sh run_script.sh {verb}\n")
            done = run(tmp_path, ["sh", "run_script.sh", verb])
            assert (done.returncode, done.stdout[-3:]) == (0, "Ok\n"), done.stdout
            if verb == "start":
                assert (tmp_path / "YOUR_PRODUCTION_SERVICE_NAME.pid").exists()
                assert run(tmp_path, [sys.executable, "client.py"]).stdout == "25\n"
    finally:
        run(tmp_path, ["sh", "run_script.sh", "stopf"])


@pytest.mark.skipif(SERVER is None, reason="redis-server (Debian: redis-server) is not installed")
def test_the_pool_of_clients(blocks: list[str], tmp_path: Path) -> None:
    redis, port, out, port_pool, out_pool, http = free_ports(6)
    program = filled(
        having(blocks, "class ProcessingModel(WKRWorker)"), {"10.40.34.14": "127.0.0.1", "12345": redis}
    )
    (tmp_path / "requests.py").write_text("")
    pushed = tmp_path / "pushed"
    (tmp_path / "decentralize.py").write_text(f"""{program}
PUSH_API = "x"
class request:
    status_code = 200
    def post(url, json):
        open({str(pushed)!r}, "a").write(str(json))
        return request
""")
    (tmp_path / "server.py").write_text(
        "from wkr_serving.server import WKRHardWorker\nclass Worker(WKRHardWorker): pass\n"
    )
    text = having(blocks, "wkr-decentral-start")
    places = {"21324": port_pool, "21326": out_pool, "8900": http, "8068": port, "8069": out}
    places |= {"10.40.34.16": "127.0.0.1", "10.40.34.14": "localhost", "/tmp/log_dir": tmp_path / "logs"}
    start = filled(text, {"-num_client 24": "-num_client 2"})
    start = filled(start, places)
    words = [str(SERVER), "--port", str(redis), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    serve = [*command("wkr-serving-start"), "server.Worker", "-port", str(port), "-port_out", str(out)]
    with running(tmp_path, words), running(tmp_path, serve), running(tmp_path, typed(tmp_path, start)):
        assert wait_ready("localhost", port, out, 60)[0] == "ready"
        get_redis_connection("127.0.0.1", redis).rpush("EXAMPLE_QUEUE", json.dumps({"n": 1}))
        until(lambda: pushed.exists() and pushed.read_text() == "{'n': 1}")
        terminate = [*command("wkr-decentral-terminate"), "-port", str(port_pool)]
        assert run(tmp_path, terminate).returncode == 0
    made = filled(having(blocks, "wkr-decentral-make"), {"log_dir\n-name": "log_dir \\\n-name"})
    subprocess.run(typed(tmp_path, made), cwd=tmp_path, env=env(), check=True, timeout=60)
    assert run(tmp_path, ["sh", "-n", "run_script.sh"]).stderr == ""
    assert "YOUR_DECENTRALIZE_SERVICE_NAME" in (tmp_path / "run_script.sh").read_text()
