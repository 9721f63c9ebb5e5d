"""The names that old programs import. Name by name, and by ``*``."""

from wkr_serving.client.central import WKRDecentralizeCentral, WKRWorker
from wkr_serving.client.client import Response, WKRClient, __version__
from wkr_serving.client.concurrent import ConcurrentWKRClient

WKRDecentralizeCenter = WKRDecentralizeCentral
"""The name as one list of names spelt it."""

__all__ = [
    "__version__", "WKRClient", "ConcurrentWKRClient", "Response", "WKRWorker", "WKRDecentralizeCentral",
    "WKRDecentralizeCenter",
]  # fmt: skip
