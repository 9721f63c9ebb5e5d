"""labctl cuts what it sends into pieces that fit a message."""

import hashlib

import pytest

from labd.cli import upload


class Taker:
    """Answers as the daemon does, and remembers the sizes of what came."""

    def __init__(self):
        self.sizes, self.held = [], b""

    def call(self, method, params=None, timeout=None):
        if method == "blob.put_all":
            self.sizes.append(len(params["blobs"]))
            return {"digests": [hashlib.sha256(blob).hexdigest() for blob in params["blobs"]]}
        assert params["upload"] == ("u" if self.held else None)
        self.sizes.append(len(params["data"]))
        self.held += params["data"]
        if not params["last"]:
            return {"upload": "u", "digest": None, "size": len(self.held)}
        return {"upload": None, "digest": hashlib.sha256(self.held).hexdigest(), "size": len(self.held)}


@pytest.mark.parametrize("size", [0, 1, upload.PIECE, upload.PIECE + 1, 3 * upload.PIECE])
def test_bytes_arrive_whole_in_pieces(size):
    data, taker = bytes(range(256)) * (size // 256 + 1), Taker()
    data = data[:size]
    chunks = [data[at : at + 70_001] for at in range(0, size, 70_001)]
    assert upload.put(taker, chunks) == hashlib.sha256(data).hexdigest()
    assert max(taker.sizes) <= upload.PIECE
    assert len(taker.sizes) == max(1, -(-size // upload.PIECE))


def test_small_ones_travel_together_in_messages_of_bounded_size():
    blobs, taker = [b"%d" % n + b"x" * 100_000 for n in range(50)], Taker()
    assert upload.put_all(taker, blobs) == [hashlib.sha256(blob).hexdigest() for blob in blobs]
    assert taker.sizes == [20, 20, 10]


def test_a_long_upload_says_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr(upload.sys.stderr, "isatty", lambda: True, raising=False)
    now = iter([0.0, 1.0, 3.0, 3.0, 4.0])
    shown = upload.Progress(4 * 2**20, lambda: next(now))
    for _ in range(3):
        shown.add(2**20)
    assert capsys.readouterr().err == "uploading: 2 MiB of 4 MiB\n"
