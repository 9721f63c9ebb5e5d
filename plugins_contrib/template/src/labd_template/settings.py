"""What can be set and asked. labd checks all of it before the plugin sees it."""

from typing import Annotated

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[plugins.template]``: how many ended jobs are remembered."""

    remember: Count = 100


class Ask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of the method: how many jobs to tell of, at most."""

    limit: Count = 10


class Say(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The parameters of the kind of job: what to say, and how often."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
    times: Count = 1
