"""What may go: the oldest first, over a limit, and never what somebody still needs."""

from hypothesis import given
from hypothesis import strategies as st

from labd.jobs.retention import SETTLED, Limits, Plan, Unit, old_events, plan

NOW = 1_000 * 86_400.0
DAY = 86_400.0


def unit(number: int, days: float, **more: object) -> Unit:
    return Unit(number, NOW - days * DAY, **more)  # type: ignore[arg-type]


def test_without_limits_nothing_goes():
    assert plan([unit(1, 900, folders=True)], set(), Limits(), NOW, {}, {7: 0.0}) == Plan()


def test_what_is_over_its_age_goes_the_oldest_first():
    units = [unit(1, 20), unit(2, 40), unit(3, 31)]
    assert plan(units, set(), Limits(keep_jobs=30 * DAY), NOW).jobs == (2, 3)


def test_over_the_count_the_oldest_go_and_tasks_count():
    units = [unit(1, 9), unit(2, 8, rows=5), unit(3, 7), unit(4, 6)]
    assert plan(units, set(), Limits(max_jobs=8), NOW).jobs == ()
    assert plan(units, set(), Limits(max_jobs=7), NOW).jobs == (1,)
    assert plan(units, set(), Limits(max_jobs=3), NOW).jobs == (1, 2)


def test_over_the_bytes_the_oldest_go():
    units = [unit(n, 10 - n, size=100) for n in range(1, 5)]
    assert plan(units, set(), Limits(max_bytes=250), NOW).jobs == (1, 2)


def test_a_blob_counts_until_the_last_that_names_it_has_gone():
    units = [unit(1, 9, blobs=("a",)), unit(2, 8, blobs=("a",)), unit(3, 7, size=10)]
    assert plan(units, set(), Limits(max_bytes=50), NOW, {"a": 100}).jobs == (1, 2)


def test_folders_may_go_before_their_jobs():
    units = [unit(1, 9, folders=True), unit(2, 5, folders=True), unit(3, 9)]
    assert plan(units, set(), Limits(keep_folders=7 * DAY), NOW) == Plan(folders=(1,))
    assert plan(units, set(), Limits(keep_jobs=8 * DAY, keep_folders=7 * DAY), NOW).folders == ()


def test_folders_that_nobody_knows_go_with_the_jobs_of_their_age():
    assert plan([], set(), Limits(keep_jobs=DAY * 5), NOW, {}, {7: NOW - 6 * DAY, 8: NOW - DAY}).strays == (
        7,
    )


numbers = st.integers(1, 30)
ages = st.one_of(st.none(), st.floats(0, 50 * DAY))
limits = st.builds(
    Limits, keep_jobs=ages, max_jobs=st.integers(0, 9), max_bytes=st.integers(0, 500), keep_folders=ages
)
units_ = st.lists(
    st.builds(
        Unit, numbers, st.floats(NOW - 60 * DAY, NOW + DAY), st.integers(1, 4), st.booleans(),
        st.integers(0, 200), st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple),
    ),
    unique_by=lambda one: one.id,
)  # fmt: skip


@given(units_, st.sets(numbers), limits)
def test_what_is_wanted_or_fresh_never_goes(units, wanted, limits):
    went = plan(units, wanted, limits, NOW, {"a": 50, "b": 70, "c": 1})
    ended = {one.id: one.ended for one in units}
    for number in (*went.jobs, *went.folders):
        assert number not in wanted
        assert ended[number] <= NOW - SETTLED
    assert set(went.jobs).isdisjoint(went.folders)


@given(units_, st.sets(numbers), limits)
def test_what_may_go_and_stays_is_within_the_limits(units, wanted, limits):
    went = set(plan(units, wanted, limits, NOW).jobs)
    free = [one for one in units if one.id not in wanted and one.ended <= NOW - SETTLED]
    stays = [one for one in units if one.id not in went]
    if all(one.id in went for one in free):
        return
    assert not limits.max_jobs or sum(one.rows for one in stays) <= limits.max_jobs
    assert not limits.max_bytes or sum(one.size for one in stays) <= limits.max_bytes


@given(units_, st.sets(numbers), limits)
def test_nothing_goes_before_what_is_older(units, wanted, limits):
    went = set(plan(units, wanted, limits, NOW).jobs)
    free = sorted((one.ended, one.id) for one in units if one.id not in wanted and one.ended <= NOW - SETTLED)
    assert went == {number for _, number in free[: len(went)]}


def test_old_events_go_by_age_and_by_number():
    loose = [(n, NOW - (10 - n) * DAY) for n in range(1, 10)]
    assert old_events(loose, Limits(), NOW) == []
    assert old_events(loose, Limits(keep_events=6.5 * DAY), NOW) == [1, 2, 3]
    assert old_events(loose, Limits(max_events=2), NOW) == [1, 2, 3, 4, 5, 6, 7]


def test_an_event_whose_clock_was_wrong_takes_no_others_with_it():
    loose = [(1, NOW - DAY), (2, 0.0), (3, NOW)]
    assert old_events(loose, Limits(keep_events=5 * DAY), NOW) == []
