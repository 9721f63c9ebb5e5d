"""labctl map and maps, against a scripted daemon."""

import json

import pytest

from tests.cli.fake import NOW

ONE = {
    "id": 7, "name": "sweep", "function": "m:f", "state": "succeeded", "user": "anna", "uid": 1, "total": 2,
    "succeeded": 2, "failed": 0, "in_work": 0, "repeated": 0, "workers": 0, "rate": None, "eta": None,
    "created": NOW - 60, "ended": NOW, "reason": "", "error": None, "round": 0, "grouped_results": False,
}  # fmt: skip
LINES = b'{"index":0,"result":[1,2]}\n{"index":1,"error":{"type":"E"}}\n'


@pytest.fixture
def maps(daemon):
    daemon.on("map.submit", {"map": ONE})
    daemon.on("map.show", {"map": ONE})
    daemon.on("map.list", {"maps": [ONE]})
    daemon.on("map.results", lambda ask: {
        "map": ONE, "data": LINES[ask["offset"] :], "offset": len(LINES), "ended": ask["offset"] > 0,
    })  # fmt: skip
    return daemon


def test_a_map_is_submitted_as_the_options_say(maps, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIRTUAL_ENV", "/venv")
    (tmp_path / "r.txt").write_text("# pinned\nnumpy==2  # why\n\n")
    words = ["--range", "0-9:3", "--retries", "2", "--mem", "1G", "--kwarg", "lr=0.5", "--module", "json",
             "-r", "r.txt", "--at-once", "4", "--time", "2m", "--name", "x", "-d"]  # fmt: skip
    assert run("map", "m:f", *words)[:2] == (0, "7\n")
    [ask] = maps.params("map.submit")
    spec = ask["spec"]
    assert (spec["function"], spec["range"], spec["retries"], spec["memory"]) == ("m:f", [0, 9, 3], 2, 2**30)
    assert (spec["kwargs"], spec["requirements"], spec["modules"]) == ({"lr": 0.5}, ["numpy==2"], ["json"])
    assert (spec["concurrency"], spec["time_limit"], spec["python"]) == (4, 120.0, "/venv/bin/python")
    assert (spec["cwd"], "VIRTUAL_ENV" in spec["env"]) == (str(tmp_path), True)


def test_results_are_printed_as_they_come(maps, run):
    ran = run("map", "m:f", "--range", "0-1")
    assert (ran.code, ran.out) == (0, LINES.decode())
    assert ran.err == "Map 7.\nMap 7 succeeded: 2 of 2 calls done.\n"


def test_the_text_of_a_file_goes_along(maps, run, tmp_path):
    (tmp_path / "w.py").write_text("def main(x): return x\n")
    (tmp_path / "rows.csv").write_text("x,name\n1,a\n2.5,nan\n")
    run("map", f"{tmp_path}/w.py", "--args", f"{tmp_path}/rows.csv", "-q")
    [ask] = maps.params("map.submit")
    assert (ask["spec"]["function"], ask["spec"]["source"]) == ("main", "def main(x): return x\n")
    rows = [json.loads(line) for line in ask["arguments"].splitlines()]
    assert rows == [{"x": 1, "name": "a"}, {"x": 2.5, "name": "nan"}]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["f", "--range", "0-1"], "f is no function"),
        (["m:f"], "the arguments come from --args or from --range"),
        (["m:f", "--range", "9"], '"9" is no range'),
        (["m:f", "--args", "{tmp}/broken"], "broken, line 2: no JSON: '[1,'"),
        (["m:f", "--args", "{tmp}/bad.csv"], "bad.csv, line 2: not as many fields"),
        (["m:f", "--args", "{tmp}/none"], "No such file"),
        (["{tmp}/none.py", "--range", "0-1"], "No such file"),
        (["m:f", "7", "--range", "0-1"], "there is no argument 7"),
        (["results"], "which map?"),
    ],
)
def test_wrong_words_are_named(maps, run, tmp_path, words, said):
    (tmp_path / "broken").write_text("[1]\n[1,\n")
    (tmp_path / "bad.csv").write_text("a,b\n1\n")
    ran = run("map", *(word.format(tmp=tmp_path) for word in words))
    assert ran.code == 2
    assert said in ran.err
    assert not maps.params("map.submit")


def test_a_map_is_read_and_seen_to(maps, run):
    assert run("map", "results", "sweep").out == LINES.decode()
    assert run("map", "values", "7").out == "1\n2\n"
    assert run("map", "errors", "7").out == LINES.decode().splitlines(True)[1]
    assert run("map", "show", "7").out == "Map 7 succeeded: 2 of 2 calls done.\n"
    assert json.loads(run("map", "show", "7", "--json").out)["map"]["id"] == 7
    assert run("map", "wait", "7").code == 0
    maps.on("map.cancel", {"map": {**ONE, "state": "cancelled", "succeeded": 1, "reason": "enough"}})
    assert run("map", "cancel", "7").out == "Map 7 was cancelled: enough: 1 of 2 calls done.\n"


def test_maps_are_listed(maps, run):
    assert run("maps").out.splitlines()[1].split() == [
        "7",
        "sweep",
        "anna",
        "succeeded",
        "2/2",
        "1m00s",
        "ago",
    ]
    assert run("maps", "-q").out == "7\n"
    assert run("maps", "--format", "{id} {state}").out == "7 succeeded\n"
    assert json.loads(run("maps", "--json").out)["maps"] == [ONE]
