"""Configuration: TOML files, variables and options become one frozen :class:`Config`.

Sources, later ones win: the defaults of :mod:`labd.config.model`, the main file, ``conf.d/*.toml`` beside
it, ``LABD_SECTION__KEY`` variables, ``-o section.key=value``. Every problem of every source is reported at
once (:class:`ConfigErrors`), each with its place and the name or the range that was probably meant.
"""

from labd.config.annotations import Bytes, Seconds, seconds, size
from labd.config.load import Loaded, load
from labd.config.model import Access, Config, Daemon, Jobs, Plugins, Resources, Store, Wire
from labd.config.notify import Notify, Target
from labd.config.origins import Origin
from labd.config.plugins import NoSettings, check_plugin, examine_plugin, unknown_plugins
from labd.config.problems import ConfigErrors, Problem
from labd.config.reload import changed, changed_needing_restart
from labd.config.schema import json_schema
from labd.config.secrets import Secret
from labd.config.show import as_json, as_toml, plugin_settings
from labd.config.sources import find_files
from labd.config.telemetry import Telemetry

__all__ = [
    "Config", "Daemon", "Access", "Resources", "Jobs", "Store", "Wire", "Plugins", "Notify", "Target",
    "Telemetry",
    "load", "find_files", "Loaded", "Origin", "ConfigErrors", "Problem",
    "check_plugin", "examine_plugin", "unknown_plugins", "NoSettings",
    "changed", "changed_needing_restart",
    "Secret", "Bytes", "Seconds", "size", "seconds",
    "as_toml", "as_json", "plugin_settings", "json_schema",
]  # fmt: skip
