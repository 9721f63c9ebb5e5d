"""The machine and the queue in a line each, and whatever is wrong."""

from typing import Any

from labd.cli.render import Terminal, safe
from labd.cli.view import ENDED, LIVE, memory

FULL = 0.9995
"""Above this share a resource is shown as used up."""


def headline(daemon: dict[str, Any], term: Terminal) -> list[str]:
    """What ``daemon.status`` says, for the top of ``labctl status``."""
    lines = [_used(daemon.get("resources") or {}, term), _counted(daemon.get("jobs") or {})]
    trouble = [term.paint(f"! {safe(text)}", "red") for text in daemon.get("trouble") or ()]
    return [line for line in lines if line] + trouble


def _used(has: dict[str, Any], term: Terminal) -> str:
    """``Cores 2/8  Memory 12G/64G  GPUs 1.5/2  VRAM 36G/48G``."""
    parts = []
    if has.get("cores"):
        parts.append(_share("Cores", has.get("cores_held", 0), has["cores"], _count, term))
    if has.get("memory"):
        parts.append(_share("Memory", has.get("memory_held", 0), has["memory"], memory, term))
    if has.get("gpus"):
        parts += _gpus(has, term)
    return "   ".join(parts)


def _gpus(has: dict[str, Any], term: Terminal) -> list[str]:
    devices = has.get("devices") or []
    held = sum(map(_held, devices)) if devices else len(has.get("gpus_held") or ())
    shown = [_share("GPUs", held, len(has["gpus"]), _count, term)]
    if total := sum(device["memory"] for device in devices):
        taken = sum(part["memory"] for device in devices for part in device["held"])
        shown.append(_share("VRAM", taken, total, memory, term))
    return shown


def _held(device: dict[str, Any]) -> float:
    """How much of a GPU is held, from 0 to 1."""
    share: float = sum(part["share"] for part in device["held"])
    taken: float = sum(part["memory"] for part in device["held"])
    return max(share, taken / device["memory"] if device["memory"] else 0.0)


def _share(name: str, held: float, total: float, text: Any, term: Terminal) -> str:
    shown = f"{text(held)}/{text(total)}"
    return f"{name} {term.paint(shown, 'yellow' if held >= total * FULL else '')}"


def _count(number: float) -> str:
    return f"{number:.3g}" if number % 1 else f"{number:g}"


def _counted(jobs: dict[str, int]) -> str:
    """``3 running, 12 queued, 1 failed``."""
    known = [state for state in (*LIVE, *ENDED) if jobs.get(state)]
    other = [state for state in jobs if jobs[state] and state not in (*LIVE, *ENDED)]
    return "Jobs " + (", ".join(f"{jobs[s]} {s.replace('_', ' ')}" for s in [*known, *other]) or "none")
