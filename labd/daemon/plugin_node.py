"""What the hooks of a plugin are given."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

from labd.api.methods import Peer, Role
from labd.daemon.node import NodeEvents, NodeJobs, NodeMethods, NodeResources, PluginNode
from labd.daemon.peers import user_name
from labd.daemon.plugin_record import PluginRecord

if TYPE_CHECKING:
    from labd.daemon.app import Daemon


def node_of(daemon: Daemon, record: PluginRecord, settings: Any) -> PluginNode:
    """The node of the plugin of *record*, whose jobs are those of the daemon's own user."""
    plugin = record.name
    return PluginNode(
        plugin,
        settings,
        NodeJobs(daemon.desk, _owner()),
        NodeResources(daemon.leases, daemon.runner),
        NodeEvents(plugin, daemon.queue, daemon.bus, daemon.clock, record.names),
        daemon.blobs,
        daemon.workers.of(plugin, logging.getLogger(f"labd.plugin.{plugin}")),
        NodeMethods(daemon.dispatcher),
        daemon.clock,
        os.path.join(daemon.setup.paths.state, "plugins", plugin),
        daemon.wiring.engines,
        daemon.models,
    )


def _owner() -> Peer:
    uid = os.getuid()
    return Peer(pid=os.getpid(), uid=uid, gid=os.getgid(), name=user_name(uid), role=Role.ADMIN)
