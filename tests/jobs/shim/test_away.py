"""What a task gets from the machine that an engine runs it on."""

import json

import pytest

from labd.jobs.shim import away, marks


def order(folder, **env):
    (folder / "task.json").write_text(
        json.dumps({"key": "k", "argv": ["{python}", "{folder}"], "env": env, "python": "/py"})
    )
    away.prepare(str(folder))
    return json.loads((folder / marks.ORDER).read_text())


@pytest.mark.parametrize(
    "name",
    [
        "CUDA_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "GPU_DEVICE_ORDINAL",
        "ZE_AFFINITY_MASK",
        "SLURM_JOB_ID",
    ],
)
def test_which_gpus_a_task_has_is_for_its_engine_to_say(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "2")
    monkeypatch.setenv("NOBODY_ASKED", "1")
    env = order(tmp_path, **{name: "7", "A": "b"})["env"]
    assert (env[name], env["A"]) == ("2", "b")
    assert "NOBODY_ASKED" not in env


def test_the_words_of_a_task_are_filled_in_where_it_runs(tmp_path):
    assert order(tmp_path)["argv"] == ["/py", str(tmp_path)]
