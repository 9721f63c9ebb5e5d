"""The names that old servers import: a worker class to be subclassed, and the server around it."""

from wkr_serving.server.hard_worker import WKRHardWorker
from wkr_serving.server.server import WKRServer

__all__ = ["WKRServer", "WKRHardWorker"]
