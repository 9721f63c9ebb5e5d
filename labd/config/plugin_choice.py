"""The section ``[plugins]``."""

from typing import Annotated

import msgspec
from msgspec import Meta

from labd.config.kinds import PluginName
from labd.config.table import Table


class Plugins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which plugins are loaded, and one table [plugins.NAME] with the settings of each."""

    enabled: Annotated[
        list[PluginName],
        Meta(description="Only these plugins are loaded. Empty: all that are installed."),
    ] = msgspec.field(default_factory=list)
    disabled: Annotated[
        list[PluginName],
        Meta(description="These are not loaded, even when they are enabled."),
    ] = msgspec.field(default_factory=list)
    strict: Annotated[
        bool,
        Meta(
            description="For authors: whatever a plugin does wrong ends labd with an error; jobs go on. The "
            "same as labd --strict-plugins."
        ),
    ] = False
    settings: dict[str, Table] = msgspec.field(default_factory=dict, name="*")
