"""Images from other machines: only from those that an admin names, and never without a limit."""

import urllib.error
import urllib.request
from urllib.parse import urlsplit

import trio

from labd.api import NotPermitted, Refused, TooLarge

LARGEST = 16 * 2**20
SECONDS = 10.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: object, **more: object) -> None:
        return None


async def fetch(url: str, hosts: tuple[str, ...]) -> bytes:
    """What is at *url*. Raises NotPermitted, Refused, TooLarge."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or (parts.hostname or "") not in hosts:
        raise NotPermitted(
            f"labd downloads nothing from {(parts.hostname or url)[:100]}",
            hint="an admin names hosts in plugins.serving-http.image_hosts",
        )
    return await trio.to_thread.run_sync(_get, url, abandon_on_cancel=True)


def _get(url: str) -> bytes:
    opener = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=SECONDS) as answer:
            data: bytes = answer.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise Refused(f"{url[:200]} cannot be downloaded: {error}") from None
    if len(data) > LARGEST:
        raise TooLarge(f"{url[:200]} has more than {LARGEST} bytes")
    return data
