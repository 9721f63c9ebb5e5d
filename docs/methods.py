"""The generated parts about methods: their parameters, their answers, and the spec of a job."""

import re
from typing import Any

import msgspec

from docs import words
from docs.tables import code, table
from labd.api.jobs import JobSpec
from labd.api.methods import Method, NoParams
from labd.api.serving import ModelSpec
from labd.config.words import accepted
from labd.daemon.methods.blobs import BlobMethods
from labd.daemon.methods.http import HttpMethods
from labd.daemon.methods.jobs import JobMethods
from labd.daemon.methods.store import StoreMethods
from labd.daemon.methods.notify import NotifyMethods
from labd.daemon.methods.plugins import PluginMethods
from labd.daemon.methods.system import SystemMethods
from labd.daemon.methods.usage import UsageMethods
from labd.plugins.fanout.methods import MapMethods
from labd.plugins.fanout.model import MapSpec
from labd.plugins.serving.methods import ModelMethods


def all_methods() -> list[Method]:
    """Every method that labd and its own plugins offer, by name."""
    nothing: Any = None  # describing a method needs none of its handler's collaborators
    offered = [
        *JobMethods(nothing, nothing).all(),
        *BlobMethods(nothing, nothing, nothing, nothing).all(),
        *SystemMethods(nothing, nothing, nothing, nothing).all(),
        *PluginMethods(nothing).all(),
        *NotifyMethods(nothing).all(),
        *UsageMethods(nothing, nothing).all(),
        *StoreMethods(nothing).all(),
        *MapMethods(nothing, nothing).all(),
        *ModelMethods(nothing).all(),
        *HttpMethods(nothing).all(),
    ]
    return sorted(offered, key=lambda method: method.name)


def methods() -> str:
    """The methods in one table, then each with its parameters and its answer."""
    found = all_methods()
    if unknown := set(words.ANSWERS) - {method.name for method in found}:
        raise KeyError(f"docs/words.py explains methods that are not there: {unknown}")
    rows = [[f"[`{m.name}`](#{m.name.replace('.', '')})", m.role.name.lower(), m.doc] for m in found]
    return table(["method", "role", "what it does"], rows) + "\n\n" + "\n\n".join(map(_method, found))


def _method(method: Method) -> str:
    answer = words.ANSWERS[method.name]
    rows = [[code(name), means] for name, means in answer.items()]
    shown = table(["in the answer", "meaning"], rows) if rows else "The answer is an empty map."
    head = f"### {method.name}\n\n{method.doc} Needs the role `{method.role.name.lower()}`."
    return f"{head}\n\n{_parameters(method)}\n\n{shown}"


def _parameters(method: Method) -> str:
    if method.params is NoParams:
        return "It takes no parameters."
    found = msgspec.structs.fields(method.params)
    return table(
        ["parameter", "takes", "default"], [[code(f.encode_name), takes(f.type), default(f)] for f in found]
    )


def takes(annotation: Any) -> str:
    """What a parameter takes, in words of JSON."""
    text = accepted(annotation) or "anything"
    text = re.sub(r" that matches \S+", "", text)
    return text.replace('"none"', "null").replace("a table", "a map")


def default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return code(msgspec.json.encode(value).decode())


def spec() -> str:
    """What a job is described by."""
    return _described(JobSpec, words.JOB_SPEC)


def map_spec() -> str:
    """What a map is described by."""
    return _described(MapSpec, words.MAP_SPEC)


def model_spec() -> str:
    """What a model is described by."""
    return _described(ModelSpec, words.MODEL_SPEC)


def _described(struct: type[msgspec.Struct], meanings: words.Words) -> str:
    found = msgspec.structs.fields(struct)
    if unknown := set(meanings) - {field.name for field in found}:
        raise KeyError(f"docs/words.py explains {unknown}, which {struct.__name__} does not have")
    rows = [[code(f.name), takes(f.type), default(f), meanings[f.name]] for f in found]
    return table(["field", "takes", "default", "meaning"], rows)
