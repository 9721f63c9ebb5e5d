"""What sbatch is told, and what its refusals mean."""

import subprocess

import msgspec
import pytest
from labd_slurm import sbatch
from labd_slurm.settings import Settings

from labd.api import Needs


def test_needs_and_settings_become_options():
    settings = Settings(partition="gpu", account="lab", qos="low", options=("--constraint=a100",))
    options = sbatch.argv(settings, Needs(cpus=1.5, memory=2**30, gpus=2), 3600)
    for option in ("--cpus-per-task=2", "--mem=1088M", "--gres=gpu:2", "--time=62", "--requeue",
                   "--partition=gpu", "--account=lab", "--qos=low"):  # fmt: skip
        assert option in options
    assert options[-1] == "--constraint=a100"
    bare = sbatch.argv(Settings(), Needs(), 0)
    assert not [o for o in bare if o.startswith(("--mem", "--gres", "--time", "--partition"))]
    assert sbatch.array("labd-x", 3) == ["--parsable", "--job-name=labd-x", "--array=0-2"]


@pytest.mark.parametrize("option", ["--array=1-3", "--wrap=true", "-p gpu", "constraint", "--requeue"])
def test_options_that_are_labds_are_refused(option):
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"options": [option]}, Settings)


def test_each_task_of_the_script_becomes_its_command(tmp_path):
    folders = [str(tmp_path / name) for name in ("a", "b 'c'")]
    for folder in folders:
        (tmp_path / folder).mkdir()
    script = sbatch.script([["/bin/echo", "one"], ["/bin/echo", "it's", "$HOME"]], folders)
    for index, code in (("0", 0), ("1", 0), ("2", 1)):
        done = subprocess.run(
            ["/bin/sh"], input=script, env={"SLURM_ARRAY_TASK_ID": index}, text=True, check=False
        )
        assert done.returncode == code
    assert [(tmp_path / f / "engine.out").read_text() for f in folders] == ["one\n", "it's $HOME\n"]


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("Batch job submission failed: Unable to contact slurm controller (connect failure)", "away"),
        ("Batch job submission failed: Socket timed out on send/recv operation", "away"),
        ("Batch job submission failed: Unexpected message received", "away"),
        ("", "away"),
        ("Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size "
         "and/or time limits)", "full"),
        ("Batch job submission failed: Required partition not available (inactive or drain)", "full"),
        ("Batch job submission failed: Invalid partition name specified", "never"),
        ("allocation failure: Requested node configuration is not available", "never"),
        ("sbatch: unrecognized option '--bogus'", "never"),
        ("Batch job submission failed: Invalid account or account/partition combination specified", "never"),
    ],
)  # fmt: skip
def test_what_a_refusal_means(said, meaning):
    assert sbatch.refusal(said) == meaning


def test_a_refusal_in_words():
    said = "sbatch: error: what\nsbatch: error: Batch job submission failed: Invalid x\n"
    assert sbatch.reason(said) == "Invalid x"
    assert sbatch.reason(" \n") == "it said nothing"


def test_of_the_environment_only_what_slurm_needs_goes_along():
    found = sbatch.environment({"PATH": "/bin", "SECRET": "x", "SBATCH_QOS": "y"}, "/etc/other.conf")
    assert found == {"PATH": "/bin", "SLURM_CONF": "/etc/other.conf"}
