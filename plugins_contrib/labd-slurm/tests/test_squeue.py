"""What squeue and sacct print, of two versions, and what is no answer."""

import pytest
from labd_slurm.squeue import Array, Seen, Unanswered, accounts, arrays, indices


def test_the_answer_of_debian_12(answer):
    found = arrays(answer("squeue-22.05"), "labd-")
    assert set(found) == {"labd-ends", "labd-runs", "labd-long"}
    ends = found["labd-ends"]
    assert [(ends.find(i).state, ends.find(i).code) for i in range(4)] == [
        ("COMPLETED", 0), ("FAILED", 3), ("FAILED", -11), ("CANCELLED", -15)
    ]  # fmt: skip
    runs = found["labd-runs"]
    assert [runs.find(i).state for i in range(3)] == ["RUNNING"] * 3
    assert runs.find(4)[:3] == (f"{runs.find(0).job.partition('_')[0]}_4", "PENDING", "JobArrayTaskLimit")
    assert runs.find(6) is None
    assert runs.find(0).node


def test_a_list_of_tasks_that_is_cut_off_leaves_room_for_all(answer):
    jobs = answer("squeue-22.05")["jobs"]
    rest = next(job for job in jobs if job["name"] == "labd-long" and job["array_task_string"])
    cut = "0,2,6,8,10,12,14,16,18,20,22,24,26,28,30,32,34,36,38,40,42,4..."
    found = arrays({"jobs": [rest | {"array_task_string": cut}], "errors": []}, "labd-")["labd-long"]
    assert found.waiting is None
    assert found.find(98).state == "PENDING"


def test_the_answer_of_newer_versions(answer):
    new = arrays(answer("squeue-24.05"), "labd-")["labd-new"]
    assert new.find(0) == Seen("7_0", "COMPLETING", "None", "n1", 0)
    assert new.find(1) == Seen("7_1", "FAILED", "NonZeroExitCode", "n2", 3)
    assert new.find(2) == Seen("7_2", "TIMEOUT", "TimeLimit", "n2", -15)
    assert new.find(5) == Seen("7_5", "PENDING", "Priority")
    assert new.find(4) is None


def test_without_its_controller_squeue_leaves_with_0_and_says_so_in_its_answer(answer):
    with pytest.raises(Unanswered, match="Failed while looking for jobs"):
        arrays(answer("squeue-22.05-away"), "labd-")
    for nothing in ([], {}, {"jobs": None}, "no"):
        with pytest.raises(Unanswered):
            arrays(nothing, "labd-")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0-3", {0, 1, 2, 3}),
        ("1,5-7%2", {1, 5, 6, 7}),
        ("[2-8:3]", {2, 5, 8}),
        ("", set()),
        ("0,2,4...", None),
        ("what", None),
    ],
)
def test_lists_of_tasks(text, found):
    assert indices(text) == found


def test_accounts():
    text = (
        "12_0|COMPLETED|0:0|n1\n12_1|CANCELLED by 1000|0:15|n1\n12_[4-5]|PENDING|0:0|None assigned\n"
        "12_2|OUT_OF_MEMORY|0:125|n2\nslurm says hello\n13|FAILED|1:0|n1\n"
    )
    found = dict(accounts(text))
    assert found[1] == Seen("12_1", "CANCELLED", "by 1000", "n1", -15)
    assert (found[2].state, found[0].code, found[5].state) == ("OUT_OF_MEMORY", 0, "PENDING")
    assert set(found) == {0, 1, 2, 4, 5}


def test_an_array_without_a_rest_knows_its_tasks_alone():
    assert Array({1: Seen("1_1", "RUNNING")}).find(2) is None
