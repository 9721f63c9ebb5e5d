"""``[plugins.serving-http]``."""

from ipaddress import ip_address
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

Limit = Annotated[float, Meta(gt=0, le=86_400)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``listen`` is ``ADDRESS:PORT`` for a listener of its own, which is faster than ``[http]``; empty: none.
    Beyond loopback only with ``token_file``, whose holders may do what ``role`` says; without one that is
    said of everybody who reaches the listener. ``hosts`` are names under which it is reached, ``cors`` are
    sites whose pages may ask and read the answers, ``*`` for all.

    ``default_model`` is what the paths of wkr_serving ask; empty: the only one. ``image_hosts`` are those
    that labd may download images from for ``/encode_img_url``. ``max_body`` is in bytes, times are seconds;
    let ``drain_timeout`` be longer than that of the models, from whom clients hear what became of requests.
    """

    listen: Annotated[str, Meta(pattern=r"^(.+:[0-9]{1,5})?$")] = ""
    token_file: str = ""
    role: Literal["view", "submit", "operate", "admin"] = "submit"
    hosts: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    default_model: str = ""
    image_hosts: tuple[str, ...] = ()
    max_body: Annotated[int, Meta(ge=1024, le=2**40)] = 64 * 2**20
    max_connections: Annotated[int, Meta(ge=1, le=100_000)] = 4096
    head_timeout: Limit = 10.0
    idle_timeout: Limit = 300.0
    stall_timeout: Limit = 30.0
    request_timeout: Limit = 600.0
    drain_timeout: Annotated[float, Meta(ge=0, le=3600)] = 10.0

    def __post_init__(self) -> None:
        if self.listen and not self.token_file and not address(self.listen).loopback:
            raise ValueError(f"listen: beyond loopback ({self.listen}) only with a token_file")


class Address(NamedTuple):
    host: str
    port: int
    loopback: bool


def address(listen: str) -> Address:
    """The parts of *listen*. Raises ValueError."""
    host, _, port = listen.rpartition(":")
    try:
        found = ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError(f"listen: {host!r} is no IP address, such as 127.0.0.1 or [::1]") from None
    if int(port) > 65_535:
        raise ValueError(f"listen: {port} is no port")
    return Address(str(found), int(port), found.is_loopback)
