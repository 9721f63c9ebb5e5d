"""Tasks of a group, by what happened to them."""

from pathlib import Path

from labd_descartes.journal import Folder
from labd_descartes.model import BAD, GOOD, NewTask, Outcome
from labd_descartes.state import Entry, State


def folded(*entries: Entry) -> State:
    state = State()
    for place, entry in enumerate(entries):
        state.apply(entry, (place, 1))
    return state


def task(retries: int = 0) -> Entry:
    return Entry(task=NewTask(retry_count=retries), created=1.0)


def done(number: int, status: str = GOOD) -> Entry:
    return Entry(done=number, outcome=Outcome(status=status, updated=2.0))


def test_tasks_wait_run_and_end() -> None:
    state = folded(task(), task(), task(), Entry(run=[0, 1]), done(1), done(0, BAD))
    assert (state.good, state.bad, state.pending, state.working) == (1, 1, 1, 0)
    assert ([*state.queue], state.open) == ([2], {})


def test_a_run_has_tasks_with_the_same_retries() -> None:
    assert folded(task(), task(), task(2), task()).next_run(9) == [0, 1]
    assert folded(task(), task(), task()).next_run(2) == [0, 1]


def test_what_has_ended_may_be_made_again() -> None:
    state = folded(task(), task(), Entry(run=[0, 1]), done(0, BAD))
    assert state.repeatable([0, 0, 1, 7, -1]) == [0]
    state.apply(Entry(again=[0, 1], retries=3), (9, 1))
    assert ([*state.queue], state.bad, state.pending, state.tasks[0].retries) == ([0], 0, 2, 3)
    state.apply(Entry(run=[0]), (10, 1))
    assert state.open == {0: {1}, 1: {0}}
    state.apply(done(0), (11, 1))
    assert (state.open, state.good) == ({0: {1}}, 1)


def test_of_a_run_that_is_over_nothing_more_comes() -> None:
    state = folded(task(), Entry(run=[0]), Entry(over=0), Entry(over=0))
    assert (state.open, state.pending) == ({}, 1)


def test_the_journal_gives_back_what_was_kept_and_no_half_line(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    places = folder.append([task(), task(4)])
    places += folder.append([done(0)])
    with open(tmp_path / "journal", "ab") as file:
        file.write(b'{"done":1,"outc')
    again = Folder(str(tmp_path))
    found = [*again.replay()]
    assert [place for _, place in found] == places
    again.append([done(1, BAD)])
    entries = again.read([places[1], places[2]])
    assert entries[0].task is not None
    assert (entries[0].task.retry_count, entries[1].done) == (4, 0)
    assert [entry.done for entry, _ in Folder(str(tmp_path)).replay()] == [None, None, 0, 1]
