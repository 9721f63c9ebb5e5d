"""What is made of messages, without sockets."""

import logging
import pickle

import msgspec
import pytest
from labd_wkr import frames, zmtp
from labd_wkr.board import Board
from labd_wkr.front import Front
from labd_wkr.settings import Door

from labd.api import Answer, LabdError, ModelFailed, ModelView, Overloaded, Tensor
from labd.testing import FakeModels

INFO = b'{"protocol": -1, "compress": 0}'


class Ear:
    """A listener; ``heard`` has the frames of each answer."""

    waiting = 0

    def __init__(self):
        self.heard = []

    def send(self, data):
        session = zmtp.Session(b"PULL")
        session.feed(zmtp.GREETING + zmtp.Session(b"PUSH").outgoing[64:])
        self.heard += [event.frames for event in session.feed(data)]


class House:
    def __init__(self, **door):
        self.models, self.board, self.ear = FakeModels("m"), Board(), Ear()
        self.time = 0.0
        self.front = Front(
            "m", Door(1, 2, **door), self.board, lambda: self.models, lambda: self.time,
            logging.getLogger("test"),
        )  # fmt: skip
        self.board.listen(self.ear, b"c", 0)

    def ask(self, *message):
        self.front.take(list(message))
        return self.ear.heard


@pytest.fixture
def house():
    house = House()
    house.models.hold = True
    return house


async def test_a_request_reaches_the_model_and_its_answer_the_client(house):
    assert house.ask(b"c", b"7", b"payload", INFO) == []
    [held] = house.models.held
    assert (held.request.codec, held.request.timeout, held.request.client) == ("labd_wkr.codec", 900.0, "c")
    held.finish()
    assert house.ear.heard == [[b"c", b"7", b"payload", INFO]]
    assert house.front.waiting == 0


async def test_a_client_of_the_ancestor_is_answered_in_its_order(house):
    house.ask(b"c", b'["a"]', b"3", b"1")
    house.models.held[0].finish(answer(b'{"dtype":"float32"}', b"data"))
    assert house.ear.heard == [[b"c", b'{"dtype":"float32"}', b"data", b"3"]]


def answer(info, data):
    return Answer("m", "1", "", (Tensor("output", "RAW", (1,), frames.pack(info, data)),))


async def test_an_error_says_the_traceback_and_the_hint(house):
    house.ask(b"c", b"7", b"x", INFO)
    house.models.held[0].finish(ModelFailed("bad shape", hint="look", data={"traceback": "Traceback ...\n"}))
    assert house.ear.heard == [[b"c", b"7", b"Traceback ...\nbad shape\nlook", b"EXCEPTION"]]


async def test_a_refusal_is_told_at_once(house):
    house.models.refusal = Overloaded("too much")
    assert house.ask(b"c", b"7", b"x", INFO) == [[b"c", b"7", b"too much", b"EXCEPTION"]]
    assert house.front.waiting == 0


async def test_of_a_stream_the_first_answer_is_told(house):
    house.ask(b"c", b"7", b"x", INFO)
    first = answer(INFO, b"1")
    first.final = False
    house.models.held[0].finish(first)
    house.models.held[0].finish(answer(INFO, b"2"))
    assert house.ear.heard == [[b"c", b"7", b"1", INFO]]


async def test_the_status_has_what_the_default_client_compares(house):
    [[identity, number, data, info]] = house.ask(b"c", b"1", b"SHOW_CONFIG", b'"{}"')
    status = pickle.loads(data)
    assert (identity, number, info) == (b"c", b"1", frames.PICKLED)
    assert (status["server_version"], status["protocol"], status["target_max_seq_len"]) == (
        "1.0.0-b",
        "obj",
        None,
    )
    assert (status["client"], status["state"]) == ("c", "ready")


async def test_the_status_of_a_model_that_is_not_there_says_so():
    house = House(info={"num_worker": 3})
    house.models = FakeModels()
    status = pickle.loads(house.ask(b"c", b"1", b"SHOW_CONFIG", b'"{}"')[0][2])
    assert (status["state"], status["num_worker"]) == ("unknown", 3)
    assert "no model 'm'" in status["reason"]


async def test_the_ancestor_gets_its_status_as_json(house):
    [[identity, data, number]] = house.ask(b"c", b"SHOW_CONFIG", b"1", b"10")
    assert (identity, number) == (b"c", b"1")
    assert data.startswith(b"{")


@pytest.mark.parametrize("message", [[b"", b"", b"TERMINATION", b""], [b"0", b"TERMINATION", b"0", b"0"]])
@pytest.mark.parametrize("allowed", [True, False])
async def test_to_terminate_is_heeded_where_it_is_set(message, allowed):
    house = House(terminate=allowed)
    house.models.hold = True
    house.ask(*message)
    assert house.front.leaving.is_set() == allowed
    assert len(house.ask(b"c", b"7", b"x", INFO)) == allowed


POISON = [
    [b"c", b"1", b"REGISTER", b""], [b"c", b"1", b"EXPAND_WORKER", b"x"], [b"c", b"1", b"STATISTIC", b"\xff"],
    [b"c", b"1", b"x", b"{" * 70_000],
]  # fmt: skip


@pytest.mark.parametrize("message", POISON)
async def test_poison_is_answered_and_does_nothing(house, message):
    assert house.ask(*message)[0][3] == b"EXCEPTION"
    house.ask(b"c", b"7", b"x", INFO)
    house.models.held[0].finish()
    assert house.ear.heard[-1] == [b"c", b"7", b"x", INFO]


@pytest.mark.parametrize("message", [[], [b"a"], [b"a"] * 3, [b"a"] * 5])
async def test_other_counts_of_frames_are_no_request(house, message):
    assert house.ask(*message) == []


@pytest.mark.parametrize(
    "identity", [b"#", b"c#1", b"\xff\xfe", b"", b"c\0d", b"x" * 5000, "c\u202e".encode()]
)
async def test_odd_identities_are_served(house, identity):
    house.board.listen(house.ear, identity, 0)
    house.ask(identity, b"1", b"x", INFO)
    house.models.held[0].finish()
    assert house.ear.heard == [[identity, b"1", b"x", INFO]]
    assert isinstance(house.models.requests[0].client, str)
    assert pickle.loads(house.ask(identity, b"2", b"SHOW_CONFIG", b'"{}"')[1][2])["state"] == "ready"


async def test_a_client_that_leaves_takes_its_requests_along(house):
    for number in range(3):
        house.ask(b"c", b"%d" % number, b"x", INFO)
    house.ask(b"d", b"1", b"x", INFO)
    for identity in house.board.gone(house.ear):
        house.front.gone(identity)
    assert [held.cancelled for held in house.models.held] == [True] * 3 + [False]
    assert house.front.waiting == 1


# -- the board -------------------------------------------------------------------------------------


def test_an_answer_waits_for_its_listener():
    board, ear = Board(), Ear()
    board.publish(b"new", zmtp.message([b"new"]), 0)
    board.listen(ear, b"new", 4.9)
    board.publish(b"late", zmtp.message([b"late"]), 5)
    board.listen(ear, b"late", 10.1)
    assert (ear.heard, board.lost) == ([[b"new"]], 1)


def test_what_waits_has_a_bound():
    board, ear = Board(most=2), Ear()
    for number in range(4):
        board.publish(b"a", zmtp.message([b"%d" % number]), 0)
    board.listen(ear, b"a", 1)
    assert ear.heard == [[b"2"], [b"3"]]
    board = Board(room=30)
    for _ in range(3):
        board.publish(b"a", zmtp.message([b"x" * 10]), 0)
    assert board.lost == 1


def test_nobody_gets_the_answers_of_who_is_called_longer():
    board, short, long, every = Board(), Ear(), Ear(), Ear()
    board.listen(short, b"ab", 0)
    board.listen(long, b"abc", 0)
    board.publish(b"abc", zmtp.message([b"abc"]), 0)
    assert (short.heard, long.heard) == ([], [[b"abc"]])
    board.gone(long)
    board.listen(every, b"", 0)
    board.publish(b"abc", zmtp.message([b"abc"]), 0)
    assert (short.heard, every.heard) == ([], [[b"abc"]])


def test_all_of_one_identity_hear_its_answers():
    board, one, two = Board(), Ear(), Ear()
    for ear in (one, two):
        board.listen(ear, b"x", 0)
    board.publish(b"x", zmtp.message([b"x"]), 0)
    assert one.heard == two.heard == [[b"x"]]
    assert board.gone(one) == []
    assert board.leave(two, b"x")


def test_errors_have_words_without_data():
    from labd_wkr.front import words

    assert words(LabdError("no")) == "no"


async def test_who_asks_before_the_model_is_loaded_waits_for_it(house):
    loading = ModelView("m", "1", "loading")
    house.models.put(loading)
    house.ask(b"c", b"1", b"x", INFO)
    house.ask(b"d", b"1", b"x", INFO)
    assert house.front.early.is_set()
    house.front.retry()
    assert (house.ear.heard, house.front.waiting) == ([], 2)
    house.front.gone(b"d")
    house.models.put(msgspec.structs.replace(loading, state="ready"))
    house.front.retry()
    [held] = house.models.held
    held.finish()
    assert house.ear.heard == [[b"c", b"1", b"x", INFO]]


async def test_who_waits_for_a_model_that_fails_is_told(house):
    house.models.put(ModelView("m", "1", "loading"))
    house.ask(b"c", b"1", b"x", INFO)
    house.models.put(ModelView("m", "1", "failed", reason="no weights"))
    house.front.retry()
    assert b"no weights" in house.ear.heard[0][2]


async def test_nobody_waits_for_a_model_for_ever(house):
    house.models.put(ModelView("m", "1", "loading"))
    house.ask(b"c", b"1", b"x", INFO)
    house.time = 900.0
    house.front.retry()
    assert house.ear.heard[0][3] == b"EXCEPTION"
