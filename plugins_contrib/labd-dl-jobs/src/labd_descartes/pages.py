"""The pages of Tasks and of Storage, as far as the SDK asks for them."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from labd.api import Conflict, LabdError, NotFound, Peer, Request, Response, Role, Route, UsageError
from labd_descartes import views
from labd_descartes.doors import Doors
from labd_descartes.groups import Groups
from labd_descartes.model import Batch, Group, NewGroup, NewTasks, Outcome, Rerun, Shape, size_of
from labd_descartes.one import One
from labd_descartes.state import Entry
from labd_descartes.views import Query

TASKS, STORAGE = "/tasks/v1", "/storage/v1"
Answer = Callable[[Request, Peer], Awaitable[Response]]
T = TypeVar("T")


class Pages:
    """Every page; each but the upload of a bundle needs a token that this labd gave out."""

    def __init__(self, groups: Groups, doors: Doors, now: Callable[[], float], max_bundle: int) -> None:
        self._groups, self._doors, self._now, self._max = groups, doors, now, max_bundle

    def all(self) -> list[Route]:
        group = f"{TASKS}/groups/{{group}}"
        return [
            self._page("POST", f"{TASKS}/namespaces/secrets/auth", self.enter, "The SDK shows who it is."),
            self._page("POST", f"{TASKS}/groups", self.make, "A new group: a function."),
            self._page("GET", f"{TASKS}/groups", self.list, "The groups of whoever asks."),
            self._page("GET", group, self.show, "A group."),
            self._page("PATCH", group, self.change, "Change how the tasks of a group run."),
            self._page("DELETE", group, self.terminate, "End a group."),
            self._page("POST", f"{group}/tasks", self.submit, "New tasks."),
            self._page("POST", f"{group}/tasks/rerun", self.rerun, "Make tasks again that have ended."),
            self._page("GET", f"{group}/tasks/{{task}}/results", self.result, "How a task ended."),
            self._page("POST", f"{group}/results/batch", self.batch, "How tasks ended, by their ids."),
            self._page("GET", f"{group}/results", self.results, "How tasks ended."),
            self._page("GET", f"{STORAGE}/result/get/{{key}}", self.value, "What a task returned."),
            self._page("GET", f"{STORAGE}/logs/get/{{key}}", self.log, "What a task printed."),
            Route(
                method="PUT", path=f"{group}/bundle/{{secret}}", handler=self.upload, role=Role.NONE,
                doc="The code of a group.", max_body=self._max,
            ),
        ]  # fmt: skip

    def _page(self, method: str, path: str, answer: Answer, doc: str) -> Route:
        async def handler(request: Request) -> Response:
            peer = self._doors.person(request.headers.get(b"authorization", b""))
            if peer is None:
                said = "this needs the token that `labctl descartes` prints"
                return Response.json({"message": said}, 401)
            return await answer(request, peer)

        return Route(method=method, path=path, handler=handler, role=Role.NONE, doc=doc)

    # -- groups ------------------------------------------------------------------------------------

    async def enter(self, request: Request, peer: Peer) -> Response:
        await request.body()  # credentials of a service that is gone: nobody looks at them
        return Response.json({}, 201)

    async def make(self, request: Request, peer: Peer) -> Response:
        one = await self._groups.make(peer, await _read(request, NewGroup))
        found = views.group(one)
        if one.group.status == "awaiting_bundle":
            host = request.headers.get(b"host", b"localhost").decode("latin-1")
            found["upload_url"] = f"http://{host}{TASKS}/groups/{one.group.id}/bundle/{one.group.secret}"
        return Response.json(found, 201)

    async def upload(self, request: Request) -> Response:
        params = request.params
        one = await self._groups.upload(params["group"], params["secret"], request.pieces())
        return Response.json({"id": one.group.id, "status": one.group.status})

    async def list(self, request: Request, peer: Peer) -> Response:
        page, token = views.groups(self._groups.of(peer), Query.of(request.queries))
        return Response.json({"groups": [*map(views.group, page)], "continuation_token": token})

    async def show(self, request: Request, peer: Peer) -> Response:
        return Response.json(views.group(self._one(request, peer)))

    async def change(self, request: Request, peer: Peer) -> Response:
        """What was submitted before runs as it was."""
        one = self._one(request, peer)
        _running(one.group)
        try:
            given = msgspec.json.decode(await request.body(), type=dict[str, Any])
            old = msgspec.structs.asdict(one.group.shape)
            code = {name: old[name] for name in ("function_type", "function_python_version")}
            shape = msgspec.convert(old | given | code, Shape, strict=False)
        except msgspec.MsgspecError as error:
            raise UsageError(f"the body is wrong: {error}") from None
        size_of(shape.mem)
        await one.save(shape=shape)
        return Response.json(views.group(one))

    async def terminate(self, request: Request, peer: Peer) -> Response:
        one = self._one(request, peer)
        await self._groups.terminate(one)
        return Response.json(views.group(one))

    # -- tasks -------------------------------------------------------------------------------------

    async def submit(self, request: Request, peer: Peer) -> Response:
        one = self._one(request, peer)
        asked = await _read(request, NewTasks)
        _running(one.group)
        now = self._now()
        first = await one.keep(*(Entry(task=task, created=now) for task in asked.tasks))
        return _named(one, range(first, first + len(asked.tasks)))

    async def rerun(self, request: Request, peer: Peer) -> Response:
        one = self._one(request, peer)
        asked = await _read(request, Rerun)
        _running(one.group)
        numbers = one.state.repeatable(_known(one, asked.task_ids))
        if numbers:
            await one.keep(Entry(again=numbers, retries=asked.retry_count))
        return _named(one, numbers)

    async def result(self, request: Request, peer: Peer) -> Response:
        one = self._one(request, peer)
        number = views.number_of(one, request.params["task"])
        [found] = await _views(one, [number], Query.of(request.queries).include)
        return Response.json(found)

    async def batch(self, request: Request, peer: Peer) -> Response:
        one = self._one(request, peer)
        asked = await _read(request, Batch)
        numbers = one.state.repeatable(_known(one, asked.ids))
        return Response.json({"results": await _views(one, numbers, asked.include or ())})

    async def results(self, request: Request, peer: Peer) -> Response:
        one, query = self._one(request, peer), Query.of(request.queries)
        numbers, token = views.ended(one, query)
        return Response.json(
            {"results": await _views(one, numbers, query.include), "continuation_token": token}
        )

    # -- storage -----------------------------------------------------------------------------------

    async def value(self, request: Request, peer: Peer) -> Response:
        return Response(bytes((await self._end(request, peer)).value))

    async def log(self, request: Request, peer: Peer) -> Response:
        return Response((await self._end(request, peer)).log.encode() or b"\n")

    async def _end(self, request: Request, peer: Peer) -> Outcome:
        key = request.params["key"]
        one = self._groups.find(peer, key.rpartition("-")[0])
        [outcome] = await _ends(one, [views.number_of(one, key)])
        return outcome

    def _one(self, request: Request, peer: Peer) -> One:
        return self._groups.find(peer, request.params["group"])


async def _read(request: Request, kind: type[T]) -> T:
    """The body as *kind*; what else is in it does not matter. Raises UsageError."""
    try:
        return msgspec.json.decode(await request.body(), type=kind, strict=False)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(f"the body is wrong: {error}") from None


def _running(group: Group) -> None:
    if group.status in ("terminated", "build_failed"):
        raise Conflict(f"group {group.id} takes no more: it is {group.status}", hint=group.build_log[-500:])


def _known(one: One, ids: list[str]) -> list[int]:
    """The numbers of those of *ids* that there are."""
    found = []
    for text in ids:
        try:
            found.append(views.number_of(one, text))
        except LabdError:
            continue
    return found


def _named(one: One, numbers: Any) -> Response:
    return Response.json({"tasks": [{"id": views.task_id(one.group.id, number)} for number in numbers]}, 201)


async def _ends(one: One, numbers: list[int]) -> list[Outcome]:
    """How these tasks ended. Raises NotFound while one has not."""
    places = []
    for number in numbers:
        end = one.state.tasks[number].end
        if end is None:
            raise NotFound(f"task {views.task_id(one.group.id, number)} has not ended")
        places.append(end.place)
    return [entry.outcome for entry in await one.read(*places) if entry.outcome is not None]


async def _views(one: One, numbers: list[int], include: Any) -> list[dict[str, Any]]:
    outcomes = await _ends(one, numbers)
    return [views.result(one, number, end, include) for number, end in zip(numbers, outcomes, strict=True)]
