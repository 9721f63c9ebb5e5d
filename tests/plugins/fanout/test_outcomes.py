"""From what a worker says to ndjson."""

import json

import pytest

from labd.plugins.fanout import outcomes
from labd.plugins.fanout.outcomes import Outcome, WrongOutcome


def test_results_and_errors_become_lines():
    good, bad = outcomes.checked([[0, 0.5, True, '{"a": 1}', ""], [1, 1, False, ERROR, "hi\n"]], {0, 1, 2})
    assert json.loads(outcomes.line(good, 2, "map-1", b"[7]")) == {
        "index": 0, "args": [7], "result": {"a": 1}, "attempt": 2, "seconds": 0.5, "worker": "map-1"
    }  # fmt: skip
    assert json.loads(outcomes.line(bad, 1, ""))["error"]["type"] == "E"
    assert json.loads(outcomes.log(bad, 3)) == {"index": 1, "attempt": 3, "text": "hi\n"}
    assert outcomes.log(good, 1) == b""


ERROR = '{"type": "E", "message": "m", "traceback": "t"}'


@pytest.mark.parametrize(
    "told",
    [
        None, {}, [[0]], [["a", 0.1, True, "1", ""]],
        [[5, 0.1, True, "1", ""]],  # not its call
        [[0, 0.1, True, "1", ""]] * 2,
        [[0, 0.1, True, "1 2", ""]], [[0, 0.1, True, "", ""]], [[0, 0.1, True, "NaN", ""]],
        [[0, 0.1, True, '[1,\n2]', ""]], [[0, 0.1, True, '1}\n{"index":2', ""]],
        [[0, 0.1, False, '"no"', ""]], [[0, 0.1, False, '{"type": 1, "message": "m"}', ""]],
    ],
)  # fmt: skip
def test_a_worker_cannot_write_what_it_likes(told):
    with pytest.raises(WrongOutcome):
        outcomes.checked(told, {0, 1})


def test_a_call_whose_worker_is_gone_has_an_error_too():
    line = json.loads(outcomes.line(outcomes.fault(3, "WorkerLost", 'it "went"'), 2, ""))
    assert line["error"] == {"type": "WorkerLost", "message": 'it "went"', "traceback": ""}
    assert isinstance(outcomes.fault(1, "a", "b"), Outcome)
