import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labd.api import JobSpec

WRONG = {
    "unknown": {"arg": []},
    "argv with a nul": {"argv": ["a\0b"]},
    "argv not text": {"argv": [1]},
    "an argument too long": {"argv": ["x" * 131_073]},
    "a relative folder": {"cwd": "data"},
    "an empty folder": {"cwd": ""},
    "a folder with a nul": {"cwd": "/a\0b"},
    "a name with a line break": {"name": "a\nb"},
    "a name that moves the cursor": {"name": "\x1b[2J"},
    "a name too long": {"name": "x" * 201},
    "negative cores": {"cpus": -1},
    "no number of cores": {"cpus": "many"},
    "too many cores": {"cpus": 65_537},
    "negative memory": {"memory": -1},
    "memory with a fraction": {"memory": 1.5},
    "less than no gpu": {"gpus": -0.5},
    "gpus without end": {"gpus": float("nan")},
    "half a byte of a gpu": {"vram": 0.5},
    "a negative gpu": {"gpu_ids": [-1]},
    "a time limit before the start": {"time_limit": -1},
    "a time limit without end": {"time_limit": float("inf")},
    "no number as a time limit": {"time_limit": float("nan")},
    "negative retries": {"retries": -1},
    "too many retries": {"retries": 1001},
    "a priority out of range": {"priority": 1_000_001},
    "an environment with a nul": {"env": {"A\0": "b"}},
    "tags without end": {"tags": ["t"] * 65},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_spec_is_refused_as_a_whole(case):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(WRONG[case], JobSpec)


def test_an_empty_spec_travels_as_nothing():
    assert msgspec.to_builtins(JobSpec()) == {}


@pytest.mark.parametrize("gpus", [0, 2, 0.25])
def test_a_number_of_gpus_is_kept_as_it_was_given(gpus):
    kept = msgspec.json.decode(msgspec.json.encode(JobSpec(gpus=gpus)), type=JobSpec).gpus
    assert (kept, type(kept)) == (gpus, type(gpus))


TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=50)
SPECS = st.builds(
    JobSpec,
    argv=st.lists(TEXT, max_size=5).map(tuple),
    env=st.dictionaries(TEXT, TEXT, max_size=5),
    cpus=st.floats(0, 65_536),
    memory=st.integers(0, 2**60),
    gpus=st.integers(0, 1024) | st.floats(0, 1024),
    vram=st.integers(0, 2**60),
    gpu_ids=st.lists(st.integers(0, 15), max_size=4).map(tuple),
    time_limit=st.none() | st.floats(0, 315_360_000),
    priority=st.integers(-1_000_000, 1_000_000),
)


@given(SPECS)
def test_a_spec_survives_the_wire_and_the_disk(spec):
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(spec), type=JobSpec) == spec
    assert msgspec.json.decode(msgspec.json.encode(spec), type=JobSpec) == spec
