"""How a task stands, by its folder and by what Slurm says of it. Pure.

The folder is the truth: a task that has begun, or ended, says so there, and it begins once at most. Slurm
only tells what the folder cannot: that a task will not begin, or surely runs no more. A folder may show late
what happened on another machine (NFS), and Slurm forgets jobs when its controller dies soon after sbatch. So
neither is believed before some time has gone by.
"""

from typing import Literal, NamedTuple

from labd.api.engines import State
from labd_slurm.squeue import LIVE_FLAGS, Seen

LIVE = ("PENDING", "RUNNING", "SUSPENDED", *LIVE_FLAGS)
UNLUCKY = ("NODE_FAIL", "BOOT_FAIL", "PREEMPTED")
"""Ends that are not the task's fault, nor anybody's wish."""

PUT_BACK = ("JobHeldAdmin", "JobHeldUser", "JobHoldMaxRequeue", "BeginTime")
"""Why Slurm keeps a job that it could not launch: for ever, or for two minutes."""

BEGUN_BEFORE = 70
"""What the runner of a task leaves with that Slurm started again (:func:`labd.api.engines.command`)."""

Act = Literal["", "void", "fail"]
"""``void``: see to it that it never begins. ``fail``: the same, and say so as its end."""

DONE: dict[Act, str] = {"void": "never", "fail": "ended"}
"""How the folder shows that this was done."""


class View(NamedTuple):
    """What Slurm says of a task: ``away`` is why it says nothing; ``gone_for`` for how many seconds it has
    said that the task is over, or that there is none. ``unsure``: its controller was away while it had the
    task, and cancels by itself what it then makes no sense of.
    """

    seen: Seen | None = None
    away: str = ""
    gone_for: float = 0.0
    unsure: bool = False


class Verdict(NamedTuple):
    """How the task stands, why, where; and what is to be done about it first."""

    state: State
    reason: str = ""
    place: str = ""
    act: Act = ""


def judge(found: str, view: View, patience: float, told: bool = False) -> Verdict:
    """*found* is how the task stands by its folder, *told* that it ended since somebody told it to. Slurm's
    word that it is gone counts after *patience* seconds.
    """
    seen = view.seen
    place = seen.node if seen else ""
    if found == "running":
        return Verdict("running", _why(seen), place)
    if found == "never":
        return Verdict("never", _why(seen))
    if found == "ended":
        return Verdict(_ended(view, told), _why(seen), place)
    if view.away:
        return Verdict("unknown", f"Slurm does not answer: {view.away}", place)
    if seen is not None and not over(seen):
        return _live(found, seen)
    if view.gone_for < patience:
        state: State = "waiting" if found == "waiting" else "running"
        why = f"{words(seen)}; its folder does not say so yet" if view.gone_for else ""
        return Verdict(state, why, place)
    return Verdict(_ended(view, True, "lost"), words(seen), place) if found == "lost" else _never_began(view)


def over(seen: Seen | None) -> bool:
    """Whether Slurm says that it has ended."""
    return seen is not None and seen.state not in LIVE


def _ended(view: View, told: bool, otherwise: State = "ended") -> State:
    """Whose doing it was that it ended: a task may also end by itself while somebody wants to end it."""
    if view.seen is None or not told:
        return otherwise
    if _cancelled(view):
        return "cancelled"
    restarted = otherwise == "lost" and view.seen.code == BEGUN_BEFORE
    return "evicted" if view.seen.state in (*UNLUCKY, "CANCELLED") or restarted else otherwise


def _cancelled(view: View) -> bool:
    """Whether somebody took it away."""
    return view.seen is not None and view.seen.state == "CANCELLED" and not view.unsure


def _why(seen: Seen | None) -> str:
    """What Slurm has to say of an end that the folder tells of, if anything."""
    return words(seen) if over(seen) and seen is not None and seen.state != "COMPLETED" else ""


def words(seen: Seen | None) -> str:
    """What Slurm says of an end, for people."""
    if seen is None:
        return "Slurm does not know it any more"
    job = f"Slurm's job {seen.job}"
    if seen.state == "CANCELLED":
        return f"{job} was cancelled in Slurm {seen.reason if seen.reason.startswith('by ') else ''}".rstrip()
    told = {
        "TIMEOUT": "was ended by Slurm at its time limit", "OUT_OF_MEMORY": "was over its memory in Slurm",
        "NODE_FAIL": f"was lost with its node {seen.node}".rstrip(), "PREEMPTED": "was preempted",
        "BOOT_FAIL": f"was lost, since the node {seen.node} did not start",
        "COMPLETED": "has ended, and its task never began",
    }  # fmt: skip
    return f"{job} {told.get(seen.state) or _failed(seen)}"


def _failed(seen: Seen) -> str:
    code = f"signal {-seen.code}" if seen.code < 0 else f"exit code {seen.code}"
    why = f": {seen.reason}" if seen.reason not in ("", "None", "NonZeroExitCode") else ""
    return f"failed with {code}{why}" if seen.state == "FAILED" else f"ended as {seen.state}{why}"


def _live(found: str, seen: Seen) -> Verdict:
    if found == "lost":  # locks are not seen across machines on some file systems
        return Verdict("running", "", seen.node)
    if seen.state == "PENDING" and seen.restarts and seen.reason in PUT_BACK:
        return Verdict("never", f"Slurm could not launch its job {seen.job}", "", "void")
    if seen.state == "PENDING":
        why = seen.reason if seen.reason not in ("", "None") else "its turn"
        return Verdict("waiting", f"Slurm's job {seen.job} waits: {why}")
    return Verdict("waiting", f"Slurm's job {seen.job} is {seen.state.lower()}", seen.node)


def _never_began(view: View) -> Verdict:
    seen = view.seen
    if _cancelled(view):
        return Verdict("cancelled", words(seen), "", "void")
    if seen is None or seen.state in (*UNLUCKY, "CANCELLED"):
        return Verdict("never", words(seen), "", "void")
    return Verdict("ended", words(seen), seen.node, "fail")
