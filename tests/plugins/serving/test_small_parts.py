"""The cache, the figures, what is kept, and the metrics."""

import msgspec
import pytest

from labd.api import Inference, ModelSpec, ModelView, Tensor
from labd.plugins.serving import kept
from labd.plugins.serving.cache import OVERHEAD, Cache, digest_of
from labd.plugins.serving.figures import BOUNDS, Figures, Spread
from labd.plugins.serving.metrics import families


def tensors(data=b"abcd"):
    return (Tensor("y", "UINT8", (1, len(data)), data),)


def test_the_cache_keeps_what_was_used_last():
    cache = Cache(3 * (OVERHEAD + 4))
    for n in range(3):
        cache.put(b"%d" % n, tensors())
    cache.get(b"0")
    cache.put(b"3", tensors())
    assert [cache.get(b"%d" % n) is not None for n in range(4)] == [True, False, True, True]
    assert cache.size == 3 * (OVERHEAD + 4)


def test_what_is_larger_than_the_cache_is_not_kept():
    cache = Cache(OVERHEAD)
    cache.put(b"a", tensors())
    assert (cache.get(b"a"), cache.size) == (None, 0)


def test_the_cache_does_not_hold_a_whole_batch_for_a_part_of_it():
    cache = Cache(10_000)
    cache.put(b"a", (Tensor("y", "UINT8", (1, 4), memoryview(bytes(5000))[:4]),))
    assert type(cache.get(b"a")[0].data) is bytes


def test_questions_that_differ_have_other_digests():
    def digest(data=b"abcd", **more):
        return digest_of(Inference("m", tensors(data), **more))

    assert digest() == digest(id="other", timeout=3)
    assert (
        len(
            {
                digest(),
                digest(b"abce"),
                digest(parameters={"t": 1}),
                digest(outputs=("y",)),
                digest(codec="c"),
            }
        )
        == 5
    )


def test_durations_tell_their_quantiles():
    spread = Spread()
    assert spread.view().quantile(0.5) is None
    for _ in range(99):
        spread.observe(0.0015)
    spread.observe(1000.0)
    view = spread.view()
    assert view.quantile(0.5) == 0.0016
    assert view.quantile(0.999) == float("inf")
    assert (view.count, len(view.counts)) == (100, len(BOUNDS) + 1)


def test_what_a_model_records_is_bounded_and_only_numbers():
    figures = Figures()
    figures.record({"a": 1, "b": "text", "c": None})
    figures.record({"a": 3})
    figures.record({f"n{n}": n for n in range(1000)})
    assert figures.custom["a"] == 2.0
    assert "b" not in figures.custom
    assert len(figures.custom) == 100


def test_what_is_kept_comes_back(tmp_path):
    assert kept.read(str(tmp_path)) == kept.Kept()
    one = kept.Kept(
        {"m": {"1": ModelSpec(target="a:B", arguments={"x": [1]}, device_map=(0, -1))}}, ["m/2"], {"m": 3}
    )
    kept.write(str(tmp_path), one)
    assert kept.read(str(tmp_path)) == one


def test_what_is_kept_and_damaged_is_said(tmp_path):
    (tmp_path / kept.NAME).write_text('{"loaded": 5}')
    with pytest.raises(msgspec.DecodeError):
        kept.read(str(tmp_path))


def test_metrics_have_each_name_once_and_sums_that_agree():
    from labd.plugins.serving.version import Version  # the numbers of one that has not run

    version = Version(None, "m", "1", ModelSpec(), None, print)
    version.figures.latency.observe(0.5)
    found = {
        one.name: list(one.samples)
        for one in families([ModelView("m", "1", "ready")], [version.statistics(0.0)])
    }
    buckets = [s for s in found["labd_model_request_seconds"] if s.suffix == "_bucket"]
    assert (buckets[-1].labels["le"], buckets[-1].value) == ("+Inf", 1)
    assert [s.value for s in buckets] == sorted(s.value for s in buckets)
    assert found["labd_model_ready"][0].value == 1


def worker_of(number, **more):
    """The worker of place *number* of a model."""
    from labd.plugins.serving.loaders import all_loaders
    from labd.plugins.serving.seat import Seat
    from labd.plugins.serving.version import Version

    spec = ModelSpec(target="m:M", **more)
    return Version(None, "my model", "1", spec, all_loaders()[0], print).spec_of(Seat(number))


def test_a_worker_is_on_the_cpu_unless_its_model_has_a_gpu():
    plain, half = worker_of(0), worker_of(0, gpus=0.5)
    assert (plain.env["CUDA_VISIBLE_DEVICES"], plain.gpus, plain.gpu_ids) == ("-1", 0, ())
    assert ("CUDA_VISIBLE_DEVICES" in half.env, half.gpus, half.gpu_ids) == (False, 0.5, ())
    assert plain.name == "my-model"


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"device_map": (2, -1), "workers": 2}, [((2,), 1.0), ((), 0.0)]),
        ({"device_map": (0,), "workers": 2}, [((0,), 0.5), ((0,), 0.5)]),
        ({"device_map": (0, 1), "workers": 3}, [((0,), 0.5), ((1,), 1.0), ((0,), 0.5)]),
        ({"device_map": (1,), "workers": 2, "gpu_memory_fraction": 0.25}, [((1,), 0.25), ((1,), 0.25)]),
        ({"device_map": (3, 4, 5), "workers": 1}, [((3,), 1.0)]),
    ],
)
def test_a_device_map_is_used_again_from_its_start_and_gpus_are_shared(more, found):
    specs = [worker_of(number, **more) for number in range(more["workers"])]
    assert [(one.gpu_ids, one.gpus) for one in specs] == found


def test_threads_of_workers_are_their_share_of_the_cores():
    assert worker_of(0, workers=1000).env["OMP_NUM_THREADS"] == "1"
    assert worker_of(0, cpus=3).env["OMP_NUM_THREADS"] == "3"
    assert worker_of(0, cpus=3, env={"OMP_NUM_THREADS": "7"}).env["OMP_NUM_THREADS"] == "7"
