"""``[plugins.descartes]``."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Walls = Literal["limits", "isolated", "isolated+net"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How code that comes over HTTP runs, and how much of it is taken.

    ``bundles`` is the sandbox of groups whose code came as text. A function that came pickled is refused
    unless ``pickles`` names a sandbox: to unpickle is to run what somebody sent. ``python`` is the
    interpreter of tasks (empty: labd's), ``images`` that of groups with this image, ``env`` the environment
    of tasks besides PATH, HOME and LANG. ``token_days`` is how
    long a token is good, ``keep_days`` how long a terminated group is kept; sizes are bytes.
    """

    bundles: Walls = "limits"
    pickles: Literal["refuse", "isolated", "isolated+net"] = "refuse"
    python: str = ""
    images: dict[str, str] = {}
    env: dict[str, str] = {}
    token_days: Annotated[float, Meta(gt=0, le=3650)] = 365
    keep_days: Annotated[float, Meta(gt=0)] = 30
    max_bundle: Annotated[int, Meta(ge=1024)] = 256 * 2**20
    max_unpacked: Annotated[int, Meta(ge=1024)] = 2**30
