"""What the drivers say becomes devices: each keeps its index, and what has changed is told once."""

from labd.resources.inventory import UNASKED, UNLISTED, Answer, Inventory, Row, read

A, B = (Row("nvidia", n, f"GPU-{n}", "H200", 100) for n in (0, 1))
LATE = "its driver did not answer in 10 s"


def heard(inventory, *rows, problem=""):
    return [(c.kind, c.device.index) for c in inventory.hear(Answer(rows, problem))]


def states(inventory, wanted="auto"):
    return [(d.index, d.health) for d in inventory.devices(wanted)]


def test_all_or_some_or_none_are_handed_out():
    inventory = Inventory()
    assert heard(inventory, A, B) == []
    assert states(inventory) == [(0, "ok"), (1, "ok")]
    assert states(inventory, [1]) == [(1, "ok")]
    assert states(inventory, "none") == []


def test_what_no_driver_knows_is_believed_of_the_configuration():
    [device] = Inventory().devices([3], 24)
    assert (device.index, device.vendor, device.memory, device.health) == (3, "fake", 24, "ok")


def test_the_memory_that_a_driver_says_counts():
    inventory = Inventory()
    heard(inventory, A, Row("nvidia", 1, "GPU-1"))
    assert [d.memory for d in inventory.devices("auto", 24)] == [100, 24]


def test_nobody_gets_a_gpu_before_its_driver_was_asked():
    inventory = Inventory(expected=1)
    assert [(d.health, d.why) for d in inventory.devices("auto")] == [("unhealthy", UNASKED)]
    assert heard(inventory, A) == []
    assert states(inventory) == [(0, "ok")]


def test_a_driver_that_is_late_from_the_start_is_told_of_and_back_later():
    inventory = Inventory(expected=1)
    assert heard(inventory, problem=LATE) == [("gpu.unhealthy", 0)]
    assert heard(inventory, problem=LATE) == []
    assert heard(inventory, A) == [("gpu.back", 0)]


def test_a_gpu_that_is_not_listed_is_gone_and_one_that_may_be_is_unhealthy():
    inventory = Inventory()
    heard(inventory, A, B)
    assert heard(inventory, A, problem=LATE) == [("gpu.unhealthy", 1)]
    assert heard(inventory, A) == [("gpu.gone", 1)]
    assert inventory.devices("auto")[1].why == UNLISTED
    assert heard(inventory, A, problem=LATE) == []
    assert states(inventory) == [(0, "ok"), (1, "gone")]
    assert heard(inventory, A, B) == [("gpu.back", 1)]


def test_a_gpu_in_trouble_is_the_one_that_had_its_number():
    inventory = Inventory()
    heard(inventory, A, B)
    assert heard(inventory, A, Row("nvidia", 1, trouble="its driver says: GPU is lost")) == [
        ("gpu.unhealthy", 1)
    ]
    assert (inventory.devices("auto")[1].uuid, len(inventory.devices("auto"))) == ("GPU-1", 2)


def test_a_gpu_keeps_its_index_when_its_driver_counts_anew():
    inventory = Inventory()
    heard(inventory, A, B)
    moved = Row("nvidia", 0, "GPU-1", "H200", 100)
    assert heard(inventory, moved) == [("gpu.gone", 0)]
    assert [(d.index, d.number) for d in inventory.devices([1])] == [(1, 0)]
    after_a_restart = Inventory(inventory.indices, expected=1)
    heard(after_a_restart, moved)
    assert [(d.index, d.number) for d in after_a_restart.devices([1])] == [(1, 0)]


def test_nvidia_comes_first_also_when_its_driver_is_late():
    inventory = Inventory(expected=2)
    radeon = Row("amd", 0, "0000:03:00.0", memory=16)
    heard(inventory, radeon, problem=LATE)
    heard(inventory, radeon, A, B)
    assert [(d.index, d.vendor, d.number) for d in inventory.devices("auto")] == [
        (0, "nvidia", 0),
        (1, "nvidia", 1),
        (2, "amd", 0),
    ]


def test_lines_become_rows_and_what_is_none_a_problem():
    answer = read(b'{"name": "A", "memory": 5}\n{"vendor": "x", "error": "broken"}\n{"uuid": "u", "q": 1}\n')
    assert [(row.name, row.memory, row.uuid) for row in answer.rows] == [("A", 5, ""), ("", 0, "u")]
    assert answer.problem == "broken"
    assert read(b"no json\n").problem.startswith("the probe said what is no GPU")
    assert read(b"", LATE) == Answer((), LATE)


def test_a_program_may_leave_out_the_numbers():
    inventory = Inventory()
    heard(inventory, Row(name="a"), Row(name="b"))
    assert [(d.index, d.number) for d in inventory.devices("auto")] == [(0, 0), (1, 1)]
