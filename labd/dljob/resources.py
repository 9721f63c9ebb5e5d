"""Images and GPUs of a job: the rules of ``dl_jobs``. Pure."""

from typing import NamedTuple

_PLACE = "us.gcr.io/dl-ci-cd/images/tasks/public"
_TAG = "default:v2019.04.18-13-g565aebde"

IMAGES = {
    "py27": f"{_PLACE}/py2/{_TAG}",
    "py27_gpu": f"{_PLACE}/py2-gpu/{_TAG}",
    "py36": f"{_PLACE}/py3.6/{_TAG}",
    "py36_gpu": f"{_PLACE}/py3.6-gpu/{_TAG}",
    "py37": f"{_PLACE}/py3.7/default:v2019.02.12",
}
"""Addresses of images by their short names. labd notes them and starts none."""


class Chosen(NamedTuple):
    """The image and the GPUs of a job; ``warning`` is empty when all is as asked."""

    image: str
    gpus: int
    warning: str


def address(image: str) -> str:
    """The address of an image by its short name; any other text is one already."""
    return IMAGES.get(image, image)


def choose(cpu_job: bool, gpus: int, cpu_image: str, gpu_image: str) -> Chosen:
    """A job for the CPU has no GPU, and one without GPUs is a job for the CPU."""
    if cpu_job:
        warning = "cpu_job with GPUs>0, setting GPUs=0" if gpus else ""
        return Chosen(address(cpu_image), 0, warning)
    if not gpus:
        return Chosen(address(cpu_image), 0, "(GPUs=0 and cpu_job=False) launching as CPU job")
    return Chosen(address(gpu_image), gpus, "")
