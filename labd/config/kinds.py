"""Kinds of values that several sections of the configuration have."""

from typing import Annotated

from msgspec import Meta

RESTART = {"restart": True}
"""Marks a setting that a reload cannot take up."""

_ABSOLUTE = {"wanted": "an absolute path, or empty for the usual place"}
_PLUGIN = {"wanted": "a plugin's name, or a pattern such as lab-*"}
_WHO = {"wanted": 'a user name, "@group" or "*"'}

AbsolutePath = Annotated[str, Meta(pattern=r"^(/[^\x00]*)?$", max_length=4096, extra=_ABSOLUTE)]
SocketPath = Annotated[
    str,
    Meta(
        pattern=r"^(/[^\x00]*)?$",
        max_length=107,
        extra={"wanted": "an absolute path of at most 107 characters, or empty for the usual place"},
    ),
]
Who = Annotated[str, Meta(pattern=r"^(\*|@?[^\s@*:,]+)$", max_length=256, extra=_WHO)]
PluginName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9*?\[][A-Za-z0-9._*?\[\]-]*$", extra=_PLUGIN)]
Index = Annotated[int, Meta(ge=0, le=1023)]
