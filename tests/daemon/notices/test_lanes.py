"""Each target has its lane: order, delays, and that one that hangs delays nobody. Virtual time."""

import trio

from labd.daemon.notices.lanes import Lanes


class Targets:
    """Notes what is tried when; *answers* are the delays until the next try, by number."""

    def __init__(self):
        self.tried, self.answers, self.hang = [], {}, set()

    async def deliver(self, number):
        self.tried.append((trio.current_time(), number))
        if number in self.hang:
            await trio.sleep_forever()
        delays = self.answers.get(number, [])
        return delays.pop(0) if delays else None


async def test_notices_of_one_target_go_one_after_the_other(autojump_clock, nursery):
    targets = Targets()
    lanes = Lanes(targets.deliver, trio.current_time)
    lanes.add(nursery, [("chat", number, 0.0) for number in (1, 2, 3)])
    await trio.sleep(1)
    assert targets.tried == [(0, 1), (0, 2), (0, 3)]


async def test_what_fails_is_tried_again_after_its_delay_and_holds_up_nothing(autojump_clock, nursery):
    targets = Targets()
    targets.answers = {1: [5.0, 10.0]}
    lanes = Lanes(targets.deliver, trio.current_time)
    lanes.add(nursery, [("chat", 1, 0.0), ("chat", 2, 0.0)])
    await trio.sleep(7)
    lanes.add(nursery, [("chat", 3, 0.0)])
    await trio.sleep(20)
    assert targets.tried == [(0, 1), (0, 2), (5, 1), (7, 3), (15, 1)]


async def test_a_target_that_hangs_delays_no_other(autojump_clock, nursery):
    targets = Targets()
    targets.hang = {1}
    lanes = Lanes(targets.deliver, trio.current_time)
    lanes.add(nursery, [("dead", 1, 0.0), ("dead", 2, 0.0), ("chat", 3, 0.0)])
    await trio.sleep(100)
    assert sorted(targets.tried) == [(0, 1), (0, 3)]


async def test_hurry_tries_all_that_wait_now(autojump_clock, nursery):
    targets = Targets()
    targets.answers = {1: [1000.0]}
    lanes = Lanes(targets.deliver, trio.current_time)
    lanes.add(nursery, [("chat", 1, 0.0), ("chat", 2, 500.0)])
    await trio.sleep(3)
    lanes.hurry()
    await trio.sleep(1)
    assert targets.tried == [(0, 1), (3, 1), (3, 2)]
    nursery.cancel_scope.cancel()
