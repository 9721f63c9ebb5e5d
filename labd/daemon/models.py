"""Where whoever serves models and whoever wants some meet: the real :class:`labd.api.node.ModelDesk`."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labd.api.serving import Loader, Models
from labd.errors import Conflict, NotReady


class ModelDesk:
    """One for all plugins. *loaders* is kept by whoever plugs offers in."""

    def __init__(self, loaders: Mapping[str, Loader]) -> None:
        self.loaders = loaders
        self._models: Models | None = None

    @property
    def models(self) -> Models:
        if self._models is None:
            raise NotReady("nobody serves models now", hint="labctl plugins shows whether `serving` is there")
        return self._models

    @contextmanager
    def serve(self, models: Models) -> Iterator[None]:
        if self._models is not None:
            raise Conflict("another plugin serves models already", hint="labctl plugins disable one of them")
        self._models = models
        try:
            yield
        finally:
            self._models = None
