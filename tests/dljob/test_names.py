from datetime import datetime

import pytest

from labd.dljob import names
from labd.dljob.resources import IMAGES, choose

WHEN = datetime(2026, 11, 21, 0, 9, 44)
NAME = "dljob_work.calc.square-Nov_21_2026_00:09:44-platform"


def test_a_job_without_a_name_is_called_by_its_method_its_time_and_its_place():
    assert names.job_name("work.calc.square", WHEN, True) == NAME
    assert names.job_name("a.b", WHEN, False) == "dljob_a.b-Nov_21_2026_00:09:44-local"


@pytest.mark.parametrize(
    ("wish", "stamp", "path"),
    [
        (True, WHEN, f"results/{NAME}_Nov.21.2026.00:09:44.ndjson"),
        ("true", None, f"results/{NAME}.ndjson"),
        ("my results", None, "results/my.results.ndjson"),
        ("mine", WHEN, "results/mine_Nov.21.2026.00:09:44.ndjson"),
        (False, WHEN, ""),
        ("False", WHEN, ""),
        ("none", None, ""),
    ],
)
def test_files_are_called_by_what_was_wished(wish, stamp, path):
    assert names.file_path("results", wish, NAME, stamp, "ndjson") == path


@pytest.mark.parametrize(
    ("cpu_job", "gpus", "image", "got", "warning"),
    [
        (True, 0, "py36", 0, ""),
        (True, 2, "py36", 0, "cpu_job with GPUs>0"),
        (False, 0, "py36", 0, "launching as CPU job"),
        (False, 2, "py36_gpu", 2, ""),
    ],
)
def test_image_and_gpus_go_together(cpu_job, gpus, image, got, warning):
    found = choose(cpu_job, gpus, "py36", "py36_gpu")
    assert (found.image, found.gpus) == (IMAGES[image], got)
    assert warning in found.warning
    assert bool(warning) == bool(found.warning)


def test_an_address_of_an_image_stays_one():
    assert choose(True, 0, "my.place/image:1", "x").image == "my.place/image:1"
