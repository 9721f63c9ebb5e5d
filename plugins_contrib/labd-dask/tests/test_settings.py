"""Where Dask may be, and what is refused."""

import msgspec
import pytest
from labd_dask.settings import Settings, is_loopback

TLS = {"tls_ca": "/ca.pem", "tls_cert": "/cert.pem", "tls_key": "/key.pem"}


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"embedded": True, "workers": 4},
        {"scheduler": "tcp://127.0.0.1:8786"},
        {"scheduler": "localhost:8786"},
        {"scheduler": "tcp://[::1]:8786"},
        {"scheduler": "tls://head:8786", **TLS},
        {"jobqueue": "SLURMCluster", "jobqueue_options": {"cores": 2}, **TLS},
    ],
)
def test_what_is_safe_is_taken(table: dict[str, object]) -> None:
    assert msgspec.convert(table, Settings).missing == ("" if table else Settings().missing)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"scheduler": "tcp://head:8786"}, "off this machine"),
        ({"scheduler": "tcp://head:8786", **TLS}, "off this machine"),
        ({"scheduler": "tls://head:8786"}, "off this machine"),
        ({"jobqueue": "SLURMCluster"}, "off this machine"),
        ({"embedded": True, "scheduler": "tcp://127.0.0.1:1"}, "exclude each other"),
        ({"tls_ca": "/ca.pem"}, "go together"),
        ({"spool": "here"}, "spool"),
        ({"scheduller": "x"}, "scheduller"),
    ],
)
def test_what_is_not_is_refused(table: dict[str, object], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(table, Settings)


def test_a_name_is_not_the_loopback_for_it_may_be_anybody() -> None:
    assert [is_loopback(a) for a in ("tcp://127.1.2.3:1", "localhost.evil.org:1", "tcp://0.0.0.0:1")] == [
        True, False, False,
    ]  # fmt: skip


def test_an_embedded_cluster_is_given_twice_its_workers() -> None:
    assert Settings(embedded=True, workers=3).tasks == 6
    assert Settings(scheduler="tcp://127.0.0.1:1").tasks == 64
    assert Settings(embedded=True, at_once=5).tasks == 5
