"""Order, filter and groups of jobs; kept up in steps or made anew, the result is the same."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.tui import filtering
from labd.tui.ordering import GROUPS, SORTS, USUAL, Choice, Heading, Ordering
from labd.tui.rows import JobRow
from tests.tui.house import job

STATES = ("running", "queued", "held", "succeeded", "failed")


def rows(*jobs: dict[str, object]) -> dict[int, JobRow]:
    return {int(str(one["id"])): JobRow(one) for one in jobs}


def ordered(table: dict[int, JobRow], choice: Choice = USUAL) -> Ordering:
    made = Ordering(choice)
    for _ in made.fill(table):
        pass
    return made


def lines(ordering: Ordering) -> list[int | Heading]:
    return [ordering.line(index) for index in range(len(ordering))]


def test_what_runs_what_waits_in_its_order_what_has_ended_newest_first():
    table = rows(
        job(1, "succeeded"), job(2, "failed"), job(3), job(4, priority=5), job(5, "running"), job(6, "held")
    )
    assert ordered(table).numbers() == [5, 4, 3, 6, 2, 1]


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_order_turns_round(sort: str, reverse: bool):
    table = rows(*(job(n, STATES[n % 5], name=f"n{n % 3}", priority=n % 4) for n in range(1, 40)))
    made = ordered(table, Choice(sort=sort, reverse=reverse))
    keys = [SORTS[sort](table[number]) for number in made.numbers()]
    assert keys == sorted(keys, reverse=reverse)


@given(st.integers(0, 10**6), st.sampled_from(sorted(GROUPS)), st.sampled_from(sorted(SORTS)), st.booleans())
def test_steps_and_a_new_table_agree(seed: int, group: str, sort: str, reverse: bool):
    rng = random.Random(seed)
    choice = Choice(tests=tuple(filtering.parse("!user:eve")), sort=sort, group=group, reverse=reverse)

    def some(number: int) -> JobRow:
        return JobRow(
            job(
                number,
                rng.choice(STATES),
                user=rng.choice(["ada", "bob", "eve"]),
                priority=rng.randrange(3),
                name=rng.choice("xy"),
            )
        )

    table = {number: some(number) for number in range(1, 30)}
    kept = ordered(table, choice)
    for _ in range(20):
        number = rng.randrange(1, 40)
        if rng.random() < 0.2:
            table.pop(number, None)
        else:
            table[number] = some(number)
        kept.update(table, [number])
    fresh = ordered(table, choice)
    assert lines(kept) == lines(fresh)
    places = {line: at for at, line in enumerate(lines(fresh)) if isinstance(line, int)}
    assert {number: kept.place(number) for number in table if kept.place(number) is not None} == places


def test_groups_have_headings_and_can_be_folded():
    table = rows(job(1, user="bob"), job(2, user="ada"), job(3, user="ada"))
    made = ordered(table, Choice(group="user", sort="id"))
    assert lines(made) == [Heading("ada", 2, False), 2, 3, Heading("bob", 1, False), 1]
    made.folded.add("ada")
    made.arrange()
    assert lines(made) == [Heading("ada", 2, True), Heading("bob", 1, False), 1]
    assert made.place(2) is None
    assert made.place(1) == 2


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", {1, 2, 3}),
        ("train", {1, 2}),
        ("ada", {1, 3}),
        ("user:ada !train", {3}),
        ("state:failed", {2}),
        ("prio>0", {3}),
        ("prio<1", {1, 2}),
        ("tag:old", {2}),
        ("group:sweep", {1}),
        ("id:3", {3}),
        ("id>1 id<3", {2}),
        ("!", set()),
        ("gpus:1", {3}),
        ("TRAIN", {1, 2}),
    ],
)
def test_filters(text: str, numbers: set[int]):
    table = rows(
        job(1, group="sweep"),
        job(2, "failed", user="bob", tags=["old"]),
        job(3, name="eval", priority=2, gpus=1),
    )
    assert set(ordered(table, Choice(tests=tuple(filtering.parse(text)))).numbers()) == numbers


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("colour:red", "no field 'colour'"), ("prio>x", "'x' is not a number"), ("user>3", "write user:3")],
)
def test_what_a_filter_cannot_mean(text: str, wrong: str):
    with pytest.raises(ValueError, match=wrong):
        filtering.parse(text)
