"""Answers that are remembered: the last used, up to so many bytes. Pure."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b

import msgspec

from labd.api import Inference, Tensor

OVERHEAD = 500
"""Bytes that an entry takes besides its data, about."""


class Cache:
    """Tensors by the digest of what was asked; *most* bytes of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[bytes, tuple[Tensor, ...]] = OrderedDict()
        self.size = 0

    def get(self, digest: bytes) -> tuple[Tensor, ...] | None:
        found = self._known.get(digest)
        if found is not None:
            self._known.move_to_end(digest)
        return found

    def put(self, digest: bytes, tensors: tuple[Tensor, ...]) -> None:
        """Remember *tensors*, by bytes of their own: what they were cut from goes."""
        own = tuple(Tensor(one.name, one.dtype, one.shape, bytes(one.data)) for one in tensors)
        if digest in self._known or _size(own) > self._most:
            return
        self._known[digest] = own
        self.size += _size(own)
        while self.size > self._most:
            self.size -= _size(self._known.popitem(last=False)[1])


def digest_of(request: Inference) -> bytes:
    """What stands for the question in *request*."""
    digest = blake2b(digest_size=16)
    head = [(t.name, t.dtype, t.shape, len(t.data)) for t in request.tensors]
    digest.update(msgspec.json.encode([head, request.parameters, request.outputs, request.codec]))
    for tensor in request.tensors:
        digest.update(tensor.data)
    return digest.digest()


def _size(tensors: tuple[Tensor, ...]) -> int:
    return OVERHEAD + sum(len(tensor.data) for tensor in tensors)
