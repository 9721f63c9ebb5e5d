"""From a callback to a task that waits: one reschedule, no event."""

from collections.abc import Callable

import trio

from labd.api import Ticket
from labd.api.serving import Done, Outcome


async def waited(submit: Callable[[Done], Ticket]) -> Outcome:
    """The first outcome of what *submit* asks; cancelled, the ticket is."""
    outcome: Outcome | None = None
    task: trio.lowlevel.Task | None = None

    def done(said: Outcome) -> None:
        nonlocal outcome, task
        if outcome is None:
            outcome = said
            if task is not None:
                trio.lowlevel.reschedule(task)
                task = None

    def abort(_: object) -> trio.lowlevel.Abort:
        nonlocal task
        task = None
        return trio.lowlevel.Abort.SUCCEEDED

    ticket = submit(done)
    try:
        if outcome is None:
            task = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(abort)
        else:
            await trio.lowlevel.checkpoint()
    finally:
        ticket.cancel()
    assert outcome is not None
    return outcome
