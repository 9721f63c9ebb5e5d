"""The only part of labd that a plugin imports; :data:`LABD_API` is its version.

A plugin is a module (or object) with functions marked :data:`hookimpl`, named by an entry point of
the group ``labd.plugins``. Hooks are plain functions that return descriptions (:class:`Service`,
:class:`Method`, :class:`JobKind`, :class:`Notifier`, :class:`Route`, a settings class); whatever awaits is a
service, a handler or a notifier's ``send``. :mod:`labd.testing` tests all of it without a daemon.
"""

from labd.api.hookspecs import hookimpl
from labd.api.http import Mount, Request, Response, Route
from labd.api.jobs import ArraySpec, Dependency, JobKind, JobSpec, JobView, Notify
from labd.api.methods import Call, Method, Peer, Role
from labd.api.metrics import Family, Metrics, Sample
from labd.api.node import Blobs, Clock, Event, Events, Jobs, Lease, Node, Resources
from labd.api.notify import Notifier
from labd.api.services import Restart, Service, ServiceState
from labd.api.serving import (
    Answer,
    Durations,
    Inference,
    Loader,
    Models,
    ModelSpec,
    ModelStatistics,
    ModelView,
    Tensor,
    TensorSpec,
    Ticket,
    WorkerView,
)
from labd.api.workers import Block, Pool, Worker, Workers, WorkerSpec, WorkerState
from labd.errors import (
    BadInput,
    Conflict,
    DeadlineExceeded,
    LabdError,
    ModelFailed,
    NotFound,
    NotPermitted,
    NotReady,
    Overloaded,
    Refused,
    StateError,
    StoreUnavailable,
    TooLarge,
    UnknownModel,
    UsageError,
    WorkerError,
    WorkerLost,
)

LABD_API = 1
"""Raised only when an existing plugin would break. A plugin states what it needs as ``LABD_API``."""

__all__ = [
    "LABD_API", "hookimpl",
    "Service", "Restart", "ServiceState",
    "Method", "Call", "Peer", "Role",
    "JobKind", "JobSpec", "JobView", "ArraySpec", "Dependency", "Notify", "Notifier",
    "Route", "Mount", "Request", "Response", "Metrics", "Family", "Sample",
    "Node", "Jobs", "Resources", "Lease", "Events", "Event", "Blobs", "Clock",
    "Workers", "Worker", "WorkerSpec", "WorkerState", "Pool", "Block",
    "Models", "Inference", "Answer", "Tensor", "TensorSpec", "Ticket",
    "ModelSpec", "ModelView", "ModelStatistics", "WorkerView", "Durations", "Loader",
    "LabdError", "UsageError", "NotFound", "NotPermitted", "Conflict", "Refused", "Overloaded",
    "StoreUnavailable", "StateError", "DeadlineExceeded", "WorkerError", "WorkerLost",
    "UnknownModel", "NotReady", "BadInput", "TooLarge", "ModelFailed",
]  # fmt: skip
