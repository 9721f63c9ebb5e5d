"""Wrong inputs, and what labd has to say to each: code, and words that the message must hold.

Jobs there are: 1 ``alpha`` and 2 ``alpine``, both ended, and 3 ``runner``, which runs. ``{dir}`` is a
folder with the files of :data:`FILES`.
"""

from typing import Any, NamedTuple

FILES: dict[str, bytes] = {
    "binary": b"\xff\xfe\x00",
    "plain.sh": b"#!/bin/sh\ntrue\n",
    "misspelt.sh": b"#!/bin/sh\n#LABD --cpuz 2\ntrue\n",
    "unclosed.sh": b"#!/bin/sh\n\n#LABD --name 'abc\ntrue\n",
    "typed.sh": b"#!/bin/sh\n#LABD --wait\ntrue\n",
    "file": b"",
}


class Words(NamedTuple):
    """Words for a program, its exit code, and what its standard error must hold."""

    words: str
    code: int
    said: tuple[str, ...]
    input: str | None = None


class Asked(NamedTuple):
    """A method with parameters, the code of the error, and what message and hint must hold."""

    method: str
    params: dict[str, Any]
    code: str
    said: tuple[str, ...]


def words(line: str, code: int, *said: str, input: str | None = None) -> Words:
    return Words(line, code, said, input)


def asked(method: str, params: dict[str, Any], code: str, *said: str) -> Asked:
    return Asked(method, params, code, said)


def spec(code: str, *said: str, **fields: Any) -> Asked:
    """A submission of which one field is wrong."""
    return Asked("job.submit", {"spec": {"argv": ["true"], **fields}}, code, said)


LABCTL: list[Words] = [
    words("submit", 2, "nothing to run", "labctl submit"),
    words("submit --cpuss 2 true", 2, "--cpuss", "`--cpus`?"),
    words("submit --cpus two true", 2, "--cpus", "two"),
    words("submit --cpus -1 true", 2, "spec.cpus", "-1"),
    words("submit --cpus 70000 true", 2, "spec.cpus", "70000"),
    words("submit --cpus 5000 true", 7, "never start", "5000"),
    words("submit --mem 8X true", 2, "--mem", "8X", "a number with K"),
    words("submit --time 1y true", 2, "--time", "1y", "1h30m"),
    words("submit --gpu-ids a,b true", 2, "--gpu-ids", "a,b", "0,1"),
    words("submit --gpus 1 true", 7, "GPU"),
    words("submit --retries 1001 true", 2, "spec.retries", "1001"),
    words("submit --priority high true", 2, "--priority", "high"),
    words("submit --env =x true", 2, "--env", "=x", "NAME=VALUE"),
    words("submit --param x true", 2, "x", "KEY=VALUE"),
    words("submit --param x=1 true", 2, "params", "--kind"),
    words("submit --kind nonsense true", 2, "'nonsense'", "command"),
    words("submit --script {dir}/missing", 2, "--script", "{dir}/missing", "No such file"),
    words("submit --script {dir}/binary", 2, "{dir}/binary", "UTF-8"),
    words("submit {dir}/plain.sh", 2, "{dir}/plain.sh", "not executable", "chmod +x"),
    words("submit --script {dir}/misspelt.sh", 2, "misspelt.sh:2", "--cpuz", "--cpus"),
    words("submit --script {dir}/unclosed.sh", 2, "unclosed.sh:3", "quotation"),
    words("submit --script {dir}/typed.sh", 2, "typed.sh:2", "--wait", "take it out"),
    words("submit --follow --json true", 2, "--follow", "--wait --json"),
    words("show", 2, "JOB"),
    words("show 999", 4, "999", "labctl status"),
    words("show nobody", 4, "'nobody'", "labctl status"),
    words("show al", 2, "'al'", "alpha", "alpine", "write more"),
    words("show 99999999999999999999", 4, "there is no job 99999999999999999999"),
    words("logs alpha --attempt 7", 4, "attempt 7", "1 so far"),
    words("logs alpha --attempt x", 2, "--attempt", "x"),
    words("wait runner --timeout soon", 2, "--timeout", "soon"),
    words("cancel alpha", 6, "job 1", "succeeded", "labctl show 1"),
    words("cancel nobody", 4, "'nobody'"),
    words("retry runner", 6, "job 3", "running", "labctl cancel 3"),
    words("status --state runing", 2, "runing", "running"),
    words("events --limit 0", 2, "--limit", "0"),
    words("events --since x", 2, "--since", "x"),
    words("call no.such.method", 4, "'no.such.method'", "labctl methods"),
    words("call job.sho job=1", 4, "'job.sho'", "job.show"),
    words("call job.show", 2, "job.show", "`job`"),
    words("call job.show job=1 extra=2", 2, "extra", "job.show takes: job"),
    words("call job.show job", 2, "job", "KEY=VALUE"),
    words("call job.show -", 2, "not JSON", input='{"job": '),
    words("call job.show -", 2, "not a JSON object", input="[1]"),
    words("help nonsense", 4, "nonsense"),
    words("statsu", 2, "statsu", "status"),
    words("--socket /no/such/socket status", 3, "/no/such/socket"),
    words("--timeout abc status", 2, "--timeout", "abc"),
    words("completion tcsh", 2, "tcsh", "bash"),
]

CALLS: list[Asked] = [
    spec("usage", "spec.argv", "true", argv="true"),
    spec("usage", "spec.argv[1]", "7", argv=["true", 7]),
    spec("usage", "spec.argv[0]", argv=["tr\0ue"]),
    spec("usage", "argv", "labctl submit", argv=[]),
    spec("usage", "empty string", argv=[""]),
    spec("usage", "`cpu`", "cpus", cpu=2),
    spec("usage", "spec.cwd", "here", cwd="here"),
    spec("usage", "'A=B'", "environment", env={"A=B": "x"}),
    spec("usage", "spec.env", "`int`", env={"A": 7}),
    spec("usage", "spec.time_limit", "-5", time_limit=-5),
    spec("usage", "spec.time_limit", "1h", time_limit="1h"),
    spec("usage", "spec.name", "two", name="two\nlines"),
    spec("usage", "spec.priority", "10000000", priority=10**7),
    spec("usage", "gpu_ids", "[1, 1]", gpu_ids=[1, 1]),
    spec("usage", "spec.tags", tags=["t"] * 65),
    spec("refused", "memory", memory=2**59),
    spec("usage", "spec.script", script=7),
    spec("not_found", "there is no job 4", "labctl status", after=[{"job": 4}]),
    spec("not_found", "there is no job 5", after=[{"job": 1}, {"job": 5}]),
    asked("job.submit", {}, "usage", "`spec`"),
    asked("job.submit", {"spec": {"argv": ["true"]}, "key": ""}, "usage", "key"),
    asked("job.submit", {"spec": {"argv": ["true"]}, "keys": "a"}, "usage", "`keys`", "did you mean key?"),
    asked("job.show", {"job": [1]}, "usage", "job", "[1]"),
    asked("job.show", {"job": -1}, "not_found", "-1"),
    asked("job.show", {"job": ""}, "usage", "empty string"),
    asked("job.list", {"limit": 0}, "usage", "limit", "0"),
    asked("job.list", {"states": ["done"]}, "usage", "'done'", "succeeded"),
    asked("job.wait", {"jobs": []}, "usage", "jobs", "[]"),
    asked("job.wait", {"jobs": [1], "timeout": -1}, "usage", "timeout", "-1"),
    asked("job.log", {"job": 1, "limit": 2**40}, "usage", "limit", str(2**40)),
    asked("job.cancel", {"job": 3, "reason": "x" * 2000}, "usage", "reason", "xxx"),
    asked("event.list", {"since": -1}, "usage", "since", "-1"),
    asked("subscribe", {"credit": -1}, "usage", "credit", "-1"),
    asked("subscribe", {"topics": "job.*"}, "usage", "topics", "job.*"),
    asked("unsubscribe", {"subscription": 99}, "not_found", "99"),
    asked("hello", {"protocol": 99}, "usage", "99", "labctl"),
    asked("nonsense", {}, "not_found", "'nonsense'"),
]

FRAMES: dict[str, tuple[bytes, str]] = {
    "no MessagePack": (b"GET / HTTP/1.1\r\n\r\n", "no message of msgpack-rpc: 71"),
    "a message of five": (b"\x95\x00\x01\xa4ping\x90\xc0", "[0, 1, 'ping', [], None]"),
    "an unknown type of message": (b"\x94\x07\x01\xa4ping\x90", "[7, 1, 'ping', []]"),
    "a method that is a number": (b"\x94\x00\x01\x07\x90", "a method that is not a str: 7"),
    "a negative id": (b"\x94\x00\xff\xa4ping\x90", "below 2**32: -1"),
    "parameters that are no list": (b"\x94\x00\x01\xa4ping\x07", "not an array of one map: 7"),
    "an unknown extension type": (b"\x94\x00\x01\xa4ping\x91\xd4\x55\x00", "unknown ext type 85"),
    "4 GiB": (b"\x94\x00\x01\xa4ping\x91\xdb\xff\xff\xff\xff", "4294967295"),
    "100 000 levels": (b"\x94\x00\x01\xa4ping" + b"\x91" * 100_000, "nest"),
}
"""Bytes after which the daemon hangs up, and what its log then holds."""

LABD: list[Words] = [
    words("--bogus", 2, "--bogus"),
    words("nonsense", 2, "nonsense"),
    words("-o nonsense", 9, "nonsense", "section.key=value"),
    words("-o jobs.max_queued=0", 9, "jobs.max_queued", "0", "from 1"),
    words("-o jobs.max_queud=1", 9, "jobs.max_queud", "max_queued"),
    words("-o job.max_queued=1", 9, "job", "jobs"),
    words("-o daemon.state_dir=here", 9, "daemon.state_dir", "here", "absolute"),
    words("-o daemon.socket=/{long}", 9, "daemon.socket", "107"),
    words("-o daemon.state_dir={dir}/file", 11, "{dir}/file", "daemon.state_dir"),
    words("-o daemon.state_dir=/proc/nothing", 11, "/proc/nothing", "daemon.state_dir"),
    words("-o daemon.runtime_dir={dir}/file", 11, "{dir}/file", "daemon.runtime_dir"),
    words("--config {dir}/missing.toml", 9, "{dir}/missing.toml", "No such file"),
    words("--config {dir}/binary", 9, "{dir}/binary", "UTF-8"),
    words("--config {dir}/misspelt.sh", 9, "misspelt.sh:", "not TOML"),
]
