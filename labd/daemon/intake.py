"""What is accepted as a job: kinds are built, defaults filled in, and what can never run is refused."""

from collections.abc import Callable, Collection
from difflib import get_close_matches

import msgspec

from labd.api.jobs import ArraySpec, JobKind, JobSpec
from labd.api.methods import Role
from labd.config.model import Jobs
from labd.errors import NotPermitted, Refused, UsageError
from labd.jobs.model import Job
from labd.jobs.order import request_of
from labd.jobs.schedule import Key
from labd.resources.ledger import Ledger
from labd.units import about_bytes

MAX_SPEC = 1_048_576
"""Bytes of a whole spec: unfinished jobs are kept in memory."""


class Intake:
    """Checks specs. *find* gives the job of a dependency, *never* the limit that no waiting would lift."""

    def __init__(
        self,
        kinds: dict[str, JobKind],
        ledger: Ledger,
        find: Callable[[int], Job],
        never: Callable[[Key], str],
    ) -> None:
        self._kinds = kinds
        self._ledger = ledger
        self._find = find
        self._never = never
        self.refusal = ""
        self.defaults = Jobs()
        self.targets: Collection[str] = ()

    def checked(self, spec: JobSpec, role: Role = Role.ADMIN) -> JobSpec:
        """The spec that will run. Raises UsageError, Refused: nothing of it reaches the store."""
        if spec.priority > 0 and role < Role.OPERATE:
            raise NotPermitted(
                f"priority {spec.priority} is above 0, which needs the role operate",
                hint="below 0 is free: that lets others go first",
            )
        if self.refusal:
            raise Refused(f"no new work is taken: {self.refusal}", hint="try again later")
        built = self._with_defaults(self._built(spec))
        _check_size(built)
        _check_command(built)
        self._check_array(built)
        for dependency in built.after:
            self._find(dependency.job)
        for wish in built.notify:
            self._check_target(wish.target)
        self._check_possible(built)
        return built

    def _check_array(self, spec: JobSpec) -> None:
        if spec.array is None:
            return
        backwards = [(first, last) for first, last, _ in spec.array.ranges if last < first]
        if backwards:
            raise UsageError(f"an array cannot go from {backwards[0][0]} to {backwards[0][1]}")
        if spec.array.count > self.defaults.max_array_tasks:
            raise Refused(
                f"an array of {spec.array.count} tasks, the limit is {self.defaults.max_array_tasks}",
                hint="jobs.max_array_tasks sets it; submit it in parts",
            )
        if (twice := _twice(spec.array)) is not None:
            raise UsageError(f"the index {twice} is twice in the array", hint="each task has its own")

    def _check_target(self, name: str) -> None:
        if name not in self.targets:
            near = get_close_matches(name, self.targets, 1)
            known = ", ".join(self.targets) or "none; an admin adds them as [notify.targets.NAME]"
            raise UsageError(
                f"there is no notification target {name!r}",
                hint=f"did you mean {near[0]}?" if near else f"there are: {known}",
            )

    def _check_possible(self, spec: JobSpec) -> None:
        request = request_of(spec)
        if limit := self._never(Key(0, "", request)):
            setting = "jobs.max_cpus_per_user" if "core" in limit else "jobs.max_gpus_per_user"
            raise Refused(
                f"this job can never start here: it is above {limit}", hint=f"ask for less; {setting} sets it"
            )
        if impossible := self._ledger.impossible(request):
            raise Refused(
                f"this job can never start here: {impossible}",
                hint="ask for less; labctl status shows what there is",
            )

    def _with_defaults(self, spec: JobSpec) -> JobSpec:
        usual = self.defaults
        return msgspec.structs.replace(
            spec,
            cpus=usual.default_cpus if spec.cpus is None else spec.cpus,
            memory=usual.default_memory if spec.memory is None else spec.memory,
            time_limit=usual.default_time_limit if spec.time_limit is None else spec.time_limit,
            grace=usual.kill_grace if spec.grace is None else spec.grace,
        )

    def _built(self, spec: JobSpec) -> JobSpec:
        if spec.kind == "command":
            if spec.params:
                raise UsageError(
                    "the kind command takes no params", hint="labctl submit --kind KIND --param NAME=VALUE"
                )
            return spec
        kind = self._kinds.get(spec.kind)
        if kind is None:
            near = get_close_matches(spec.kind, self._kinds, 1)
            known = ", ".join(sorted({"command", *self._kinds}))
            raise UsageError(
                f"there is no job kind {spec.kind!r}",
                hint=f"did you mean {near[0]}?" if near else f"there are: {known}",
            )
        try:
            return _sound(kind.build(msgspec.convert(spec.params, kind.params, strict=False), spec))
        except msgspec.ValidationError as error:
            names = ", ".join(f.encode_name for f in msgspec.structs.fields(kind.params))
            raise UsageError(
                f"params of kind {kind.name}: {error}", hint=f"it takes: {names or 'nothing'}"
            ) from None


def _twice(array: ArraySpec) -> int | None:
    """An index that two ranges share, None where there is none. Looks at each task once."""
    seen: set[int] = set()
    for number, (first, last, step) in enumerate(array.ranges, 1):
        found = range(first, last + 1, step)
        if not seen.isdisjoint(found):
            return min(seen.intersection(found))
        if number < len(array.ranges):
            seen.update(found)
    return None


def _sound(spec: JobSpec) -> JobSpec:
    """What a job kind built, as it will be read back: it may have built anything. Raises UsageError."""
    try:
        return msgspec.convert(msgspec.to_builtins(spec), JobSpec)
    except (msgspec.MsgspecError, TypeError, RecursionError) as error:
        raise UsageError(f"the kind {spec.kind} built what cannot be run: {error}") from None


def _check_command(spec: JobSpec) -> None:
    if spec.name.isdecimal() or spec.name == "last":
        raise UsageError(
            f"{spec.name!r} cannot be the name of a job: it would mean another one", hint="take another name"
        )
    if not spec.argv and spec.script is None:
        raise UsageError("a job needs a command: argv is empty", hint="labctl submit COMMAND [ARGUMENT ...]")
    if spec.argv and not spec.argv[0] and spec.script is None:
        raise UsageError("the command is an empty string", hint="labctl submit COMMAND [ARGUMENT ...]")
    wrong = [name for name in spec.env if not name or "=" in name]
    if wrong:
        raise UsageError(
            f"{wrong[0]!r} cannot be the name of an environment variable", hint="names hold no ="
        )
    _check_gpus(spec)


def _check_gpus(spec: JobSpec) -> None:
    if spec.gpus != round(spec.gpus, 3) or (spec.gpus > 1 and spec.gpus % 1):
        raise UsageError(
            f"{spec.gpus} GPUs cannot be had: parts are of one GPU, in thousandths",
            hint="give a whole number, or a part such as 0.25",
        )
    if spec.gpus % 1 and len(spec.gpu_ids) > 1:
        raise UsageError(
            f"gpu_ids {list(spec.gpu_ids)} with {spec.gpus:g} of a GPU: a part is of one GPU",
            hint="name one GPU, or take whole ones",
        )
    if len(set(spec.gpu_ids)) < len(spec.gpu_ids):
        raise UsageError(f"gpu_ids {list(spec.gpu_ids)} names a GPU twice", hint="name each once")


def _check_size(spec: JobSpec) -> None:
    size = len(msgspec.msgpack.encode(spec))
    if size > MAX_SPEC:
        raise UsageError(
            f"the job takes {about_bytes(size)}, environment included; the limit is {about_bytes(MAX_SPEC)}",
            hint="put long data into a file",
        )
