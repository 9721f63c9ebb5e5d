"""The generated parts about jobs, events, errors and limits: tables and constants of the code."""

import re
from collections.abc import Callable, Mapping

import msgspec

from docs import words
from docs.tables import code, fields, table
from labd import errors
from labd.api.jobs import ArraySpec, Code, JobSpec, JobView
from labd.api.node import Event
from labd.api.serving import ModelStatistics, ModelView
from labd.cli import exits
from labd.daemon import events as bus
from labd.daemon import subscriptions
from labd.daemon.boundary import Tally
from labd.daemon.plugin_figures import describe
from labd.daemon.plugin_record import PluginRecord
from labd.jobs import model, order, visible
from labd.jobs.reports import Report
from labd.plugins.fanout.model import MapView
from labd.resources.devices import Device
from labd.resources.request import Request
from labd.wire import arrays, limits, messages, subscription


def states() -> str:
    """The states of a job."""
    rows = [[code(s), "ended" if s in model.ENDED else "live", words.STATES[s]] for s in model.STATES]
    return table(["state", "", "meaning"], rows)


def transitions() -> str:
    """Which event leads from which state to which."""
    rows = [["`job.submitted`", "", "`queued`"]]
    for kind, (origins, target) in model.TRANSITIONS.items():
        shown = ", ".join(code(state) for state in model.STATES if state in origins)
        rows.append([code(kind), shown, code(target) if target else "as it was"])
    return table(["event", "from", "to"], rows)


def array_transitions() -> str:
    """The same for an array."""
    rows = [["`job.submitted`", "", "`queued`"]]
    for kind, (origins, target) in model.ARRAY_TRANSITIONS.items():
        shown = ", ".join(code(state) for state in model.STATES if state in origins)
        rows.append([code(kind), shown, code(target) if target else "as it was"])
    return table(["event", "from", "to"], rows)


def kinds() -> str:
    """Every kind of event with its data."""
    rows = [[code(k), means, " ".join(map(code, keys.split()))] for k, (means, keys) in words.EVENTS.items()]
    return table(["kind", "when", "keys of `data`"], rows)


def plugin() -> str:
    """A plugin as ``labctl plugins --json`` shows it."""
    names = describe(PluginRecord(name=""), [], Tally(), trace=False)
    if unknown := set(words.PLUGIN) ^ set(names):
        raise KeyError(f"docs/words.py and a plugin's record differ in {unknown}")
    return table(["field", "meaning"], [[code(name), words.PLUGIN[name]] for name in names])


def environment() -> str:
    """The variables that labd sets for a job."""
    attempt = model.Attempt(number=1, state="running", token="t", cause="")
    job = model.Job(
        id=1, uid=0, gid=0, user="", spec=JobSpec(array=ArraySpec(((0, 0, 1),))), environment="",
        submitted=0.0, array=1, current=attempt,
    )  # fmt: skip
    frozen = JobSpec(code=Code(manifest="0" * 64, root="/", files=0, bytes=0))
    code_names = order.code_names(frozen, "/").keys() - {"PWD"}
    told = {**order.labd_names(job, "/"), **order.task_names(job, "")}
    both = [Device(0, 0, "nvidia", memory=1), Device(1, 0, "amd", memory=1)]
    shown = visible.gpu_names(Request(share=1, vram=1), (0, 1), both, {})
    names = [*told, *code_names, "LABD_SOCKET", *(n for n in words.ENVIRONMENT if n in shown)]
    if missing := set(shown) - set(names):
        raise KeyError(f"docs/words.py does not explain {missing}")
    if unknown := set(words.ENVIRONMENT) - set(names):
        raise KeyError(f"docs/words.py explains {unknown}, which no job gets")
    return table(["variable", "meaning"], [[code(name), words.ENVIRONMENT[name]] for name in names])


_SAID = re.compile(r"(\w+) +([a-z_]+) +(\d+) +(.+)")


def faults() -> str:
    """Every error that a client can get."""
    said = {
        found[1]: found[4] for line in (errors.__doc__ or "").splitlines() if (found := _SAID.search(line))
    }
    rows = [
        [code(e.code), code(e.__name__), str(e.exit_code), said[e.__name__]]
        for e in _classes(errors.LabdError)[1:]
    ]
    return table(["code", "class in `labd.errors`", "exit code", "said when"], rows)


def _classes(cls: type[errors.LabdError]) -> list[type[errors.LabdError]]:
    below = [
        leaf
        for child in cls.__subclasses__()
        if child.__module__ == errors.__name__
        for leaf in _classes(child)
    ]
    return [cls, *below]


def exit_codes() -> str:
    """Every exit code of labctl and labd."""
    return table(["exit code", "meaning"], [[str(number), means] for number, means in exits.TABLE.items()])


def wire_limits() -> str:
    """The limits of the protocol."""
    ask, reply = limits.Limits(), limits.REPLY_LIMITS
    rows = [
        ["protocol version", str(messages.PROTOCOL), str(messages.PROTOCOL)],
        [
            "bytes of one message, and of one str, bin or ext in it",
            f"{ask.frame} (`wire.max_frame`)",
            str(reply.frame),
        ],
        ["arrays and maps in one message", str(ask.containers), str(reply.containers)],
        ["elements of one array or map", str(ask.length), str(reply.length)],
        ["levels of nesting", str(ask.depth), str(reply.depth)],
    ]
    return table(["limit", "of what the daemon takes", "of what labd's clients take"], rows)


def subscription_limits() -> str:
    """The limits of subscriptions."""
    rows = [
        ["events that the daemon keeps in memory; more behind than that is `lagged`", str(bus.RECENT)],
        ["notices that are not in the log, kept for one listener", str(bus.TRANSIENT)],
        ["events in one `event` notice", str(subscriptions.BATCH)],
        ["credit that one subscription may hold", str(subscriptions.MAX_CREDIT)],
        ["subscriptions on one connection", str(subscriptions.MAX_SUBSCRIPTIONS)],
        ["credit that labd's own clients give", str(subscription.WINDOW)],
    ]
    return table(["limit", "value"], rows)


def dtypes() -> str:
    """The array types that may travel."""
    return ", ".join(code(name) for name in arrays.ITEM_SIZES)


def _shape(struct: type[msgspec.Struct], meanings: Mapping[str, str], *more: str) -> Callable[[], str]:
    return lambda: fields(struct, meanings, more)


job_view = _shape(JobView, words.JOB_VIEW)
map_view = _shape(MapView, words.MAP_VIEW)
model_view = _shape(ModelView, words.MODEL_VIEW)
model_statistics = _shape(ModelStatistics, words.MODEL_STATISTICS)
attempt = _shape(model.Attempt, words.ATTEMPT, "folder", "log")  # as job.show has it, less the token
event = _shape(Event, words.EVENT)
report = _shape(Report, words.REPORT)
