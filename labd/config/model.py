"""Every section of the configuration.

The settings stand in the modules of the sections: each has its type, its range, its default and what it
means. The defaults there are the only ones; ``etc/labd.toml`` shows them and a test compares the two.
"""

import msgspec

from labd.config.access import Access
from labd.config.daemon import Daemon
from labd.config.http import Http
from labd.config.jobs import Jobs
from labd.config.notify import Notify
from labd.config.plugin_choice import Plugins
from labd.config.resources import Resources
from labd.config.retention import Retention
from labd.config.store import Store
from labd.config.telemetry import Telemetry
from labd.config.wire import Wire

__all__ = [
    "Access", "Config", "Daemon", "Http", "Jobs", "Notify", "Plugins", "Resources", "Retention", "Store",
    "Telemetry", "Wire",
]  # fmt: skip


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The configuration of labd. Every setting may be left out."""

    daemon: Daemon = Daemon()
    access: Access = Access()
    resources: Resources = Resources()
    jobs: Jobs = Jobs()
    store: Store = Store()
    retention: Retention = Retention()
    wire: Wire = Wire()
    http: Http = Http()
    notify: Notify = Notify()
    telemetry: Telemetry = Telemetry()
    plugins: Plugins = Plugins()
