"""Models in a real daemon: good code and bad, workers that are killed under load, and more load than fits."""

import json
import os
import random
import signal
import struct
import threading
import time
import urllib.request
from functools import partial
from getpass import getuser
from pathlib import Path

import pytest

from labd.client import Client
from labd.errors import (
    BadInput,
    DeadlineExceeded,
    LabdError,
    ModelFailed,
    NotFound,
    NotReady,
    Overloaded,
    TooLarge,
    UnknownModel,
    UsageError,
)
from tests.daemon_process import DaemonProcess
from tests.support import wait_until

numpy = pytest.importorskip("numpy")
pytestmark = pytest.mark.real
HERE = str(Path(__file__).parent)
LATE = 3.0
"""Seconds that a client of a loaded machine may need to hear what was said in time."""


@pytest.fixture(scope="module")
def shared():
    """One daemon for all tests that leave it alive."""
    with DaemonProcess(cores=4) as found:
        yield found.start()
        assert "Traceback" not in found.log(), found.log()


@pytest.fixture
def daemon(shared):
    """The same, and no model is left of the test."""
    yield shared
    for view in shared.call("model.list")["models"]:
        if view["state"] != "unloaded":
            shared.call("model.unload", {"model": view["name"]})


@pytest.fixture
def own_daemon(make_daemon):
    """One that may be killed."""
    return make_daemon(cores=4).start()


def spec(target, **more):
    return {"target": f"served:{target}", "path": [HERE], **more}


def load(daemon, target, model="m", **more):
    return daemon.call("model.load", {"model": model, "spec": spec(target, **more)})["model"]


def numbers(*values):
    return {
        "name": "x",
        "datatype": "INT64",
        "shape": [len(values), 1],
        "data": struct.pack(f"<{len(values)}q", *values),
    }


def ask(caller, *values, model="m", **more):
    """What the model makes of *values*."""
    reply = caller.call("model.infer", {"model": model, "inputs": [numbers(*values)], **more})
    [output] = reply["outputs"]
    return list(struct.unpack(f"<{len(output['data']) // 8}q", output["data"]))


def stats(daemon, model="m"):
    return daemon.call("model.stats", {"model": model})["models"][0]


# -- good models ---------------------------------------------------------------------------------


def test_a_model_is_loaded_asked_scaled_and_unloaded(daemon):
    view = load(daemon, "Double", workers=1)
    assert (view["state"], view["version"], view["ready_workers"]) == ("ready", "1", 1)
    assert ask(daemon, 1, 2, 3) == [2, 4, 6]
    assert daemon.call("model.scale", {"model": "m", "workers": 3})["model"]["workers"] == 3
    wait_until(lambda: daemon.call("model.show", {"model": "m"})["model"]["ready_workers"] == 3)
    daemon.call("model.scale", {"model": "m", "workers": 1})
    wait_until(lambda: len(stats(daemon)["workers"]) == 1)
    assert ask(daemon, 4) == [8]
    assert daemon.call("model.unload", {"model": "m"})["model"]["state"] == "unloaded"
    with pytest.raises(NotReady, match="unloaded"):
        ask(daemon, 1)


def test_how_many_workers_the_last_word_says(daemon):
    load(daemon, "Double", workers=1)
    daemon.call("model.scale", {"model": "m", "workers": 3})
    assert daemon.call("model.reload", {"model": "m"})["model"]["workers"] == 3
    with pytest.raises(ModelFailed):
        load(daemon, "Raises", workers=1)
    assert daemon.call("model.reload", {"model": "m"})["model"]["workers"] == 3
    assert load(daemon, "Double", workers=2)["workers"] == 2


def test_what_was_loaded_is_there_after_a_restart_and_what_was_unloaded_is_not(own_daemon):
    load(own_daemon, "Double", model="stays")
    load(own_daemon, "Double", model="goes")
    own_daemon.call("model.scale", {"model": "stays", "workers": 2})
    own_daemon.call("model.unload", {"model": "goes"})
    own_daemon.restart()
    wait_until(lambda: own_daemon.call("model.show", {"model": "stays"})["model"]["ready_workers"] == 2)
    assert ask(own_daemon, 5, model="stays") == [10]
    assert own_daemon.call("model.show", {"model": "goes"})["model"]["state"] == "unloaded"
    own_daemon.call("model.load", {"model": "goes"})
    assert ask(own_daemon, 5, model="goes") == [10]


def test_a_declared_model_is_there_when_labd_is_and_stays_what_the_file_says(make_daemon):
    daemon = make_daemon(cores=4)
    words = f'[plugins.serving.models.m]\ntarget = "served:Double"\npath = ["{HERE}"]\nuser = "{getuser()}"\n'
    daemon.config.write_text(words)
    daemon.start()
    wait_until(lambda: daemon.call("model.show", {"model": "m"})["model"]["state"] == "ready")
    assert ask(daemon, 3) == [6]
    daemon.call("model.reload", {"model": "m"})
    daemon.config.write_text(f"{words}arguments = {{ factor = 5 }}\n")
    daemon.restart()
    wait_until(lambda: daemon.call("model.show", {"model": "m"})["model"]["state"] == "ready")
    assert ask(daemon, 3) == [15]


def test_a_reload_leaves_no_gap(daemon):
    """The new one is ready before the old one leaves: nobody is refused, whatever the moment."""
    load(daemon, "Double", arguments={"pause": 0.002})
    over, wrong, seen = threading.Event(), [], set()

    def client():
        with daemon.client() as caller:
            while not over.is_set():
                try:
                    seen.add(ask(caller, 1)[0])
                except LabdError as error:
                    wrong.append(error)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    load(daemon, "Double", arguments={"pause": 0.002, "factor": 3})
    daemon.call("model.reload", {"model": "m"})
    wait_until(lambda: 3 in seen)
    over.set()
    for each in clients:
        each.join()
    assert wrong == []
    assert seen == {2, 3}


def test_a_load_that_fails_leaves_the_old_one(daemon):
    load(daemon, "Double")
    with pytest.raises(ModelFailed, match="no weights here; the one that was there goes on"):
        load(daemon, "Raises")
    assert ask(daemon, 1) == [2]


def test_versions_stand_beside_each_other_and_the_newest_is_asked(daemon):
    load(daemon, "Double", version="1")
    load(daemon, "Double", version="2", arguments={"factor": 10})
    assert ask(daemon, 1) == [10]
    assert ask(daemon, 1, version="1") == [2]
    daemon.call("model.unload", {"model": "m", "version": "2"})
    assert ask(daemon, 1) == [2]
    with pytest.raises(UnknownModel, match="no version '9'"):
        ask(daemon, 1, version="9")


def test_a_pipeline_is_its_stages_one_after_the_other(own_daemon):
    load(own_daemon, "Double", model="a")
    load(own_daemon, "Picky", model="b")
    own_daemon.call("model.load", {"model": "both", "spec": {"pipeline": ["a", "b"]}})
    assert ask(own_daemon, 3, 4, model="both") == [7, 9]
    load(own_daemon, "Double", model="a", arguments={"factor": 13})
    with pytest.raises(ModelFailed, match="13 is bad luck"):
        ask(own_daemon, 1, model="both")
    own_daemon.restart()
    wait_until(lambda: own_daemon.call("model.show", {"model": "both"})["model"]["state"] == "ready")
    assert ask(own_daemon, 3, model="both") == [40]


def test_a_class_of_the_old_contract_serves(daemon):
    load(daemon, "Contract")
    ask(daemon, 5, 6)
    wait_until(lambda: stats(daemon)["custom"])
    assert stats(daemon)["custom"]["batchsize"] == 2.0


def test_large_arrays_go_through_shared_memory_and_the_daemon_never_loads_numpy(own_daemon):
    load(own_daemon, "Double")
    maps = Path(f"/proc/{own_daemon.pid}/maps")
    own_daemon.call("model.load", {"model": "p", "spec": spec("Picky", max_batch_size=100_000)})
    values = [1000 + n for n in range(90_000)]
    assert ask(own_daemon, *values, model="p") == [n + 1 for n in values]
    assert "numpy" not in maps.read_text()


def test_an_answer_can_be_remembered(daemon):
    load(daemon, "Double", cache_bytes=10_000)
    assert [ask(daemon, 5), ask(daemon, 5), ask(daemon, 6)] == [[10], [10], [12]]
    found = stats(daemon)
    assert (found["cached"], found["batches"] - 2) == (1, 0)


# -- from a program ------------------------------------------------------------------------------


@pytest.fixture
def client(daemon):
    with Client(daemon.socket) as found:
        yield found


def test_an_array_that_is_larger_than_a_message_goes_in_pieces_and_comes_back_whole(daemon, client):
    load(daemon, "Picky", warm_up=False)
    wide = numpy.arange(2**20, dtype="<i8").reshape(1, -1) + 1000
    assert wide.nbytes > 4 * 2**20
    assert (client.model("m")(wide).output == wide + 1).all()
    load(daemon, "Picky", max_request_bytes=5 * 2**20, warm_up=False)
    with pytest.raises(TooLarge, match=f"{wide.nbytes} bytes.*max_request_bytes of {5 * 2**20}"):
        client.model("m")(wide)
    with pytest.raises(NotFound, match="no data called 'nope'"):
        daemon.call("model.infer", {"model": "m", "inputs": [{**numbers(1), "data": b"", "staged": "nope"}]})


def test_what_a_model_streams_comes_piece_by_piece(daemon, client):
    load(daemon, "Stream", warm_up=False)
    pieces = [int(said.output[0, 0]) for said in client.model("m").stream(numpy.array([[300]]), timeout=30)]
    assert pieces == list(range(300))
    answers = client.model("m").stream(numpy.array([[10**7]]))
    assert int(next(answers).output[0, 0]) == 0
    answers.close()
    wait_until(lambda: stats(daemon)["in_flight"] == 0)
    assert [int(said.output[0, 0]) for said in client.model("m").stream(numpy.array([[2]]))] == [0, 1]


def test_a_model_that_does_not_stream_is_one_piece_and_errors_are_raised(daemon, client):
    load(daemon, "Picky", warm_up=False)
    assert [said.output.tolist() for said in client.model("m").stream(numpy.array([[1]]))] == [[[2]]]
    with pytest.raises(ModelFailed, match="13 is bad luck"):
        list(client.model("m").stream(numpy.array([[13]])))


def test_6_who_asks_over_the_socket_is_answered_before_labd_stops(own_daemon):
    load(own_daemon, "Double", arguments={"pause": 0.5}, max_batch_size=4)
    found = []

    def client(value):
        with own_daemon.client() as caller:
            found.append(ask(caller, value) == [2 * value])

    clients = [threading.Thread(target=client, args=(n,)) for n in range(12)]
    for each in clients:
        each.start()
    wait_until(lambda: stats(own_daemon)["requests"] == 12)
    assert own_daemon.kill(signal.SIGTERM) == 0
    for each in clients:
        each.join()
    assert found == [True] * 12


# -- bad models ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("Raises", "no weights here"),
        ("Dies", "exit"),
        ("NoPredict", "no method predict"),
        ("Missing", "no attribute 'Missing'"),
    ],
)
def test_a_model_that_does_not_come_up_says_why_and_is_refused_at_once(daemon, target, words):
    with pytest.raises(ModelFailed, match=words):
        load(daemon, target)
    view = daemon.call("model.show", {"model": "m"})["model"]
    assert view["state"] == "failed"
    assert words in view["reason"]
    began = time.monotonic()
    with pytest.raises(NotReady, match=words):
        ask(daemon, 1)
    assert time.monotonic() - began < 1.0
    load(daemon, "Double")
    assert ask(daemon, 1) == [2]


def test_a_model_that_hangs_while_it_loads_is_given_up(daemon):
    with pytest.raises(ModelFailed, match="not ready within 1 s"):
        load(daemon, "Hangs", load_timeout=1.0)
    assert daemon.call("ping") == {}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("short", "0 rows"),
        ("long", "2 rows"),
        ("nothing", "output"),
        ("scalar", "a single value"),
        ("complex", "no datatype"),
        ("huge", "max_message|shared|bytes"),
        ("exit", "ended"),
    ],
)
def test_an_answer_that_is_none_is_an_error_of_that_request(daemon, how, words):
    load(daemon, "Odd", arguments={"how": how}, warm_up=False)
    with pytest.raises(ModelFailed, match=words):
        ask(daemon, 1)
    assert daemon.call("ping") == {}


def test_texts_are_answers(daemon):
    load(daemon, "Odd", arguments={"how": "text"})
    [output] = daemon.call("model.infer", {"model": "m", "inputs": [numbers(5, 6)]})["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2])
    assert output["data"] == b"\x06\0\0\0item 5\x06\0\0\0item 6"


def test_only_the_guilty_request_of_a_batch_fails(daemon):
    """Ten at once, one of which raises, one kills its worker and one is the client's mistake."""
    load(daemon, "Picky", workers=1, warm_up=False)
    found = together(daemon, [1, 2, 3, 13, 4, 66, 5, 7, 6, 8])
    wrong = {value: type(outcome) for value, outcome in found.items() if isinstance(outcome, LabdError)}
    assert wrong == {13: ModelFailed, 66: ModelFailed, 7: BadInput}
    assert all(outcome == [value + 1] for value, outcome in found.items() if value not in wrong)
    assert "7 is too little" in found[7].message


def test_a_predict_that_hangs_is_ended_and_its_neighbours_are_answered(daemon):
    load(daemon, "Picky", workers=1, predict_timeout=0.3, retries=0, warm_up=False)
    with pytest.raises(ModelFailed, match=r"longer than 0\.3 s"):
        ask(daemon, 99)
    assert ask(daemon, 1) == [2]


def test_a_deadline_counts_from_the_arrival_and_is_kept(daemon):
    load(daemon, "Double", arguments={"pause": 0.5})
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match=r"within 0\.1 s"):
        ask(daemon, 1, timeout=0.1)
    assert 0.05 < time.monotonic() - began < 0.45


def together(daemon, values):
    """What becomes of *values*, each asked by a client of its own, all at once."""
    found = {}

    def client(value):
        with daemon.client() as caller:
            ready.wait()
            try:
                found[value] = ask(caller, value)
            except LabdError as error:
                found[value] = error

    ready = threading.Barrier(len(values))
    clients = [threading.Thread(target=client, args=(value,)) for value in values]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return found


WRONG = {
    "no inputs": ({"inputs": []}, BadInput),
    "another name": ({"inputs": [{**numbers(1), "name": "z"}]}, BadInput),
    "another type": ({"inputs": [{**numbers(1), "datatype": "FP64"}]}, BadInput),
    "an unknown type": ({"inputs": [{**numbers(1), "datatype": "FP31"}]}, BadInput),
    "labd's own type": ({"inputs": [{**numbers(1), "datatype": "RAW"}]}, BadInput),
    "cut off": ({"inputs": [{**numbers(1), "data": b"1234567"}]}, BadInput),
    "too long": ({"inputs": [{**numbers(1), "data": b"123456789"}]}, BadInput),
    "another shape": ({"inputs": [{**numbers(1, 2), "shape": [1, 2]}]}, BadInput),
    "no dimensions": ({"inputs": [{**numbers(1), "shape": []}]}, BadInput),
    "no rows": ({"inputs": [{**numbers(), "shape": [0, 1]}]}, BadInput),
    "a shape beyond all memory": ({"inputs": [{**numbers(1), "shape": [2**62, 2**62]}]}, BadInput),
    "a negative shape": ({"inputs": [{**numbers(1), "shape": [-1, 1]}]}, UsageError),
    "the same twice": ({"inputs": [numbers(1), numbers(1)]}, BadInput),
    "another number of rows": ({"inputs": [numbers(1), {**numbers(1, 2), "name": "y"}]}, BadInput),
    "more rows than a batch": ({"inputs": [numbers(*range(17))]}, BadInput),
    "an unknown output": ({"inputs": [numbers(1)], "outputs": ["z"]}, BadInput),
    "texts that are cut off": (
        {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": b"\x09\0\0\0abc"}]}, BadInput,
    ),
    "a text without a length": (
        {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": b"\x09\0"}]}, BadInput,
    ),
    "a text of 4 GiB": (
        {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "data": b"\xff\xff\xff\xff"}]}, BadInput,
    ),
    "a wider row than it takes": (
        {"inputs": [{**numbers(1), "shape": [1, 200], "data": bytes(1600)}]}, BadInput,
    ),
    "an unknown model": ({"inputs": [numbers(1)], "model": "nope"}, UnknownModel),
    "a version that is not there": ({"inputs": [numbers(1)], "version": "7"}, UnknownModel),
    "a timeout of nothing": ({"inputs": [numbers(1)], "timeout": 0}, UsageError),
    "a timeout of a word": ({"inputs": [numbers(1)], "timeout": "soon"}, UsageError),
    "a priority that is none": ({"inputs": [numbers(1)], "priority": -3}, UsageError),
    "a field that is none": ({"inputs": [numbers(1)], "wait": True}, UsageError),
    "data that is a text": ({"inputs": [{**numbers(1), "data": "abcdefgh"}]}, UsageError),
}  # fmt: skip


def test_wrong_requests_have_an_error_each_and_harm_nobody(daemon):
    load(daemon, "Double")
    with daemon.client() as caller:
        for what, (params, error) in WRONG.items():
            with pytest.raises(error) as raised:
                caller.call("model.infer", {"model": "m", **params})
            assert raised.value.message, what
            assert "Traceback" not in raised.value.message
        assert ask(caller, 1) == [2]
    assert stats(daemon)["failed"] == 1  # what only the model's answer could show: the unknown output


def test_a_request_over_the_limit_is_too_large(daemon):
    load(daemon, "Double", max_request_bytes=100)
    with pytest.raises(TooLarge, match="112 bytes"):
        ask(daemon, *range(14))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"target": "no:such:thing"}, "ended|No module|did not come up"),
        ({"target": ""}, "is no module:Class"),
        ({"loader": "tensorfow"}, "there is no loader"),
        ({"loader": "numpy"}, "needs the path of a file"),
        ({"pipeline": ["m"]}, "itself"),
        ({"target": "served:Double", "workers": 0}, "workers"),
        ({"target": "served:Double", "max_batch": 3}, "max_batch"),
        ({"target": "served:Double", "cpus": 4000}, "this machine has"),
        ({"target": "served:Double", "user": "nobody-at-all"}, "nobody-at-all"),
    ],
)
def test_a_wrong_spec_is_refused_with_its_mistake(daemon, wrong, words):
    with pytest.raises(LabdError, match=words):
        daemon.call("model.load", {"model": "m", "spec": {"path": [HERE], **wrong}})


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 101, "a\nb", "%2e"])
def test_a_wrong_name_is_refused(daemon, name):
    with pytest.raises(UsageError):
        daemon.call("model.load", {"model": name, "spec": spec("Double")})


# -- under load ----------------------------------------------------------------------------------


def test_r34_one_answer_for_each_request_whatever_dies(daemon):
    """Workers are killed again and again: each request has one answer, its own, or an error in time."""
    load(daemon, "Double", workers=2, arguments={"pause": 0.002}, retries=3)
    limit, over = 10.0, threading.Event()
    sent, right, wrong, late, errors = [], [], [], [], []

    def client(number):
        with daemon.client() as caller:
            for count in range(10**9):
                if over.is_set():
                    return
                value = number * 10**9 + count
                sent.append(value)
                began = time.monotonic()
                try:
                    (right if ask(caller, value, timeout=limit) == [2 * value] else wrong).append(value)
                except LabdError as error:
                    errors.append(error)
                if time.monotonic() - began > limit + LATE:
                    late.append(value)

    clients = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for each in clients:
        each.start()
    killed, end = 0, time.monotonic() + 60
    while killed < 10 and time.monotonic() < end:
        time.sleep(random.uniform(0.02, 0.2))
        for worker in stats(daemon)["workers"]:
            if worker["pid"] and random.random() < 0.6:
                killed += kill(worker["pid"])
    over.set()
    for each in clients:
        each.join()
    assert killed >= 10
    assert (wrong, late) == ([], [])
    assert len(right) + len(errors) == len(sent) == len(set(sent))
    assert {type(error) for error in errors} <= {ModelFailed, NotReady, DeadlineExceeded}
    assert len(right) > 100
    found = stats(daemon)
    assert found["retried"] > 0
    assert found["succeeded"] == len(right)
    assert ask(daemon, 1, timeout=60) == [2]


def test_all_workers_at_once_may_die_and_nobody_is_refused(daemon):
    """Workers that had come up and were killed say nothing of whether the next ones will."""
    load(daemon, "Double", workers=4, arguments={"pause": 0.01}, retries=10)
    over, wrong, right = threading.Event(), [], []

    def client(number):
        with daemon.client() as caller:
            while not over.is_set():
                try:
                    right.append(ask(caller, number, timeout=60) == [2 * number])
                except LabdError as error:
                    wrong.append(error)

    clients = [threading.Thread(target=client, args=(n,)) for n in range(6)]
    for each in clients:
        each.start()
    dead = {0}
    for _ in range(3):
        pids = wait_until(partial(all_new, daemon, dead))
        dead |= pids
        for pid in pids:
            kill(pid)
    before = len(right)
    wait_until(lambda: len(right) > before + 20)
    over.set()
    for each in clients:
        each.join()
    assert wrong == []
    assert all(right)
    assert "killed by SIGKILL" in daemon.log()


def test_5_a_new_worker_is_ready_within_five_seconds(daemon):
    load(daemon, "Double", workers=1)
    [pid] = all_new(daemon, {0})
    began = time.monotonic()
    kill(pid)
    wait_until(lambda: all_new(daemon, {0, pid}))
    assert time.monotonic() - began < 5.0 + LATE
    assert ask(daemon, 1) == [2]


def test_what_never_came_up_is_forgotten_when_it_is_unloaded(daemon):
    with pytest.raises(ModelFailed):
        load(daemon, "Raises", model="fresh")
    with pytest.raises(ModelFailed) as raised:
        load(daemon, "Raises", model="fresh")
    assert "goes on" not in raised.value.message
    daemon.call("model.unload", {"model": "fresh"})
    assert "fresh" not in [one["name"] for one in daemon.call("model.list")["models"]]
    with pytest.raises(UnknownModel):
        ask(daemon, 1, model="fresh")


def all_new(daemon, dead):
    """The workers' pids, once none of them is in *dead*."""
    pids = {one["pid"] for one in stats(daemon)["workers"]}
    return pids if not pids & dead else set()


def kill(pid):
    assert pid > 1, "0 is everybody in our own group"
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def test_r35_more_than_fits_is_refused_at_once_and_the_rest_is_answered(daemon, tmp_path):
    """Ten times what the queue holds: each is answered, or refused at once with a time to come again."""
    stop = tmp_path / "go"
    load(daemon, "Waits", workers=1, arguments={"file": str(stop)}, max_batch_size=1, max_queue=10,
         warm_up=False)  # fmt: skip
    found, took, lock = [], [], threading.Lock()

    def client(value):
        with daemon.client() as caller:
            ready.wait()
            began = time.monotonic()
            try:
                outcome = ask(caller, value) == [value]
            except Overloaded as error:
                outcome = error.data["retry_after"] > 0
                with lock:
                    took.append(time.monotonic() - began)
            with lock:
                found.append(outcome)

    ready = threading.Barrier(111)
    clients = [threading.Thread(target=client, args=(n,)) for n in range(110)]
    for each in clients:
        each.start()
    ready.wait()
    wait_until(lambda: len(took) == 99)
    stop.touch()
    for each in clients:
        each.join()
    assert found == [True] * 110
    assert max(took) < 5.0
    assert stats(daemon)["refusals"] == {"overloaded": 99}


def test_who_leaves_is_not_computed(daemon, tmp_path):
    stop = tmp_path / "go"
    load(daemon, "Waits", workers=1, arguments={"file": str(stop)}, max_batch_size=1, warm_up=False)
    first = threading.Thread(target=ask, args=(daemon, 1))
    first.start()
    wait_until(lambda: stats(daemon)["in_flight"] == 1)
    with pytest.raises(DeadlineExceeded):
        daemon.call("model.infer", {"model": "m", "inputs": [numbers(2)]}, 0.3)
    wait_until(lambda: stats(daemon)["cancelled"] == 1)
    stop.touch()
    first.join()
    assert (stats(daemon)["rows"], stats(daemon)["queued"]) == (1, 0)


# -- seen from outside ---------------------------------------------------------------------------


def test_events_and_metrics_tell_of_models(make_daemon):
    daemon = make_daemon("http.enabled=true", "http.port=0", cores=4).start()
    load(daemon, "Double")
    ask(daemon, 1)
    [url] = daemon.call("http.show")["urls"]
    token = daemon.call("http.token")["token"]
    asked = urllib.request.Request(f"{url.rstrip('/')}/metrics", headers={"Authorization": f"Bearer {token}"})
    text = urllib.request.urlopen(asked, timeout=30).read().decode()
    assert 'labd_model_requests_total{model="m",version="1",outcome="succeeded"} 1' in text
    assert 'labd_model_ready{model="m",version="1"} 1' in text
    assert 'labd_model_batch_size_count{model="m",version="1"} 1' in text
    kinds = [json.loads(line)["kind"] for line in daemon.labctl("events", "--json").stdout.splitlines()]
    assert "model.ready" in kinds
