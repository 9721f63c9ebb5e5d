"""Every method that labd itself offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labd.api.methods import Method
from labd.daemon.methods.blobs import BlobMethods
from labd.daemon.methods.http import HttpMethods
from labd.daemon.methods.jobs import JobMethods
from labd.daemon.methods.notify import NotifyMethods
from labd.daemon.methods.output import OutputMethods
from labd.daemon.methods.plugins import PluginMethods
from labd.daemon.methods.steering import SteeringMethods
from labd.daemon.methods.store import StoreMethods
from labd.daemon.methods.system import SystemMethods
from labd.daemon.methods.usage import UsageMethods

if TYPE_CHECKING:
    from labd.daemon.app import Daemon


def methods(daemon: Daemon) -> list[Method]:
    return [
        *JobMethods(daemon.desk, daemon.code).all(),
        *SteeringMethods(daemon.desk).all(),
        *OutputMethods(daemon.desk).all(),
        *BlobMethods(daemon.user_blobs, daemon.uploads, daemon.desk, daemon.code).all(),
        *SystemMethods(daemon.control, daemon.dispatcher, daemon.store, daemon.bus).all(),
        *PluginMethods(daemon.plugins).all(),
        *NotifyMethods(daemon.notices).all(),
        *UsageMethods(daemon.store, daemon.clock).all(),
        *StoreMethods(daemon.collector).all(),
        *HttpMethods(daemon.web).all(),
    ]
