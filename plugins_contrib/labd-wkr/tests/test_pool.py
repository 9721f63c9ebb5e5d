"""The pool of clients: what it decides, in a time of its own."""

import argparse

import pytest
from labd_wkr.pool import FIRST_DELAY, PATIENCE, Pool
from labd_wkr.servers import checked, servers
from wkr_serving.client import helper


class Flag:
    def __init__(self, on: bool = False) -> None:
        self.on = on

    def set(self) -> None:
        self.on = True

    def is_set(self) -> bool:
        return self.on


class Process:
    def __init__(self, number, server):
        self.number, self.server, self.pid = number, server, 7
        self.exit_flag, self.is_ready, self.alive = Flag(), Flag(True), True

    def is_alive(self):
        return self.alive

    def kill(self):
        self.alive = False

    terminate = kill

    def join(self, timeout=None):
        pass


class Log:
    def error(self, text):
        pass


ONE, TWO = ["a", 1, 2], ["b", 3, 4]


class House:
    def __init__(self):
        self.time, self.begun = 0.0, []
        self.pool = Pool(self.start, [ONE, TWO], 2, Log(), lambda: self.time)
        self.pool.begin()

    def start(self, number, server):
        self.begun.append(Process(number, server))
        return self.begun[-1]


def test_each_server_has_its_processes():
    house = House()
    assert [(p.number, p.server) for p in house.begun] == [(0, ONE), (1, ONE), (0, TWO), (1, TWO)]
    assert house.pool.ready
    assert len(house.pool.view()["workers"]) == 4


def test_who_dies_is_replaced_after_delays_that_double():
    house = House()
    house.begun[0].alive = False
    house.pool.look()
    assert len(house.begun) == 4
    house.time = FIRST_DELAY
    house.pool.look()
    assert (len(house.begun), house.begun[4].server) == (5, ONE)
    house.begun[4].alive = False
    house.pool.look()
    house.time += FIRST_DELAY
    house.pool.look()
    assert len(house.begun) == 5
    house.time += FIRST_DELAY
    house.pool.look()
    assert len(house.begun) == 6
    assert max(each["restarts"] for each in house.pool.view()["workers"]) == 2


def test_a_switch_lets_the_old_finish_while_the_new_begin():
    house = House()
    house.pool.switch([TWO], 1)
    assert all(process.exit_flag.on for process in house.begun[:4])
    assert [process.server for process in house.begun[4:]] == [TWO]
    assert house.pool.view()["leaving"] == 4
    house.time = PATIENCE
    house.pool.look()
    assert not any(process.alive for process in house.begun[:4])
    assert house.pool.view()["leaving"] == 0


def test_idle_has_nobody_and_nothing_is_replaced():
    house = House()
    house.pool.idle()
    for process in house.begun:
        process.alive = False
    house.time = 100
    house.pool.look()
    assert (house.pool.empty, len(house.begun)) == (True, 4)


@pytest.mark.parametrize(
    "text",
    [
        '[["10.40.34.16", 8068, 8069], ["h", 1, 2]]',
        "[[10.40.34.16, 8068, 8069], [h, 1, 2]]",
        "[[10.40.34.16,8068,8069],[h,1,2]]",
        "[['10.40.34.16', 8068, 8069],\n ['h', 1, 2]]",
    ],
)
def test_servers_as_people_write_them(text):
    assert servers(text) == [["10.40.34.16", 8068, 8069], ["h", 1, 2]]


@pytest.mark.parametrize(
    "text", ["", "[]", "[[a, 1]]", "[[a, 1, 2], x]", "[[a, b, c]]", "[[a, 1, 99999]]", "a 1 2"]
)
def test_what_is_no_list_of_servers(text):
    with pytest.raises(ValueError, match="no list of servers"):
        servers(text)


@pytest.mark.parametrize("value", [None, 3, [], [["a", 1]], [["a", 1, True]], [[1, 1, 1]], {"a": 1}])
def test_what_is_no_list_of_servers_in_a_message(value):
    with pytest.raises(ValueError):
        checked(value)


def test_words_that_a_shell_took_apart():
    words = [
        "-port",
        "1",
        "-port_out",
        "2",
        "-remote_servers",
        "[[a.b,",
        "8068,",
        "8069],",
        "[c,",
        "1,",
        "2]]",
        "-log_dir",
        "x",
    ]
    args = helper.get_args_parser().parse_args(words)
    assert (args.remote_servers, args.num_client, args.log_dir) == (
        [["a.b", 8068, 8069], ["c", 1, 2]],
        24,
        "x",
    )
    with pytest.raises(argparse.ArgumentTypeError):
        helper.check_remote_server_config("x")
    assert helper.check_remote_server_config("none") is None
