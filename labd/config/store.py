"""The section ``[store]``."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.annotations import seconds
from labd.config.kinds import RESTART


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The database in the state directory."""

    snapshot_interval: Annotated[
        Annotated[float, seconds(1, 31_536_000)],
        Meta(description="How often a copy is made, from which a damaged store is restored.", extra=RESTART),
    ] = 3600.0
    snapshots_kept: Annotated[
        Annotated[int, Meta(ge=1, le=1000)],
        Meta(description="How many of these copies are kept.", extra=RESTART),
    ] = 3
