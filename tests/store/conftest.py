"""A store that runs, and the few changes with which tests talk to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from labd.store import Store
from tests.store.rows import Open


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state" / "labd.db")


@pytest.fixture
def opened(path: str) -> Iterator[Open]:
    """Opens stores in *path*, and closes them in the end."""
    stores: list[Store] = []

    def open_store(**options: object) -> Store:
        stores.append(Store.open(path, **options))  # type: ignore[arg-type]
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
async def store(opened: Open, nursery: trio.Nursery) -> Store:
    made = opened()
    await nursery.start(made.run)
    return made
