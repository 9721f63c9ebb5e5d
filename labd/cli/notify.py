"""Who is to be told of what, as ``--notify`` takes it: ``lab-chat``, ``failed:lab-chat``."""

import argparse

from labd.cli import suggest

COMMON = ("ended", "failed", "succeeded", "started", "lost")
"""What one usually asks for."""

WHEN = (
    *COMMON, "timed_out", "cancelled", "submitted", "starting", "adopted", "never_began", "queued", "held",
    "released", "blocked", "unblocked", "prioritised", "paused", "resumed", "requeue_requested",
    "cancel_requested",
)  # fmt: skip
"""All that one can ask for."""


def notify(text: str) -> dict[str, str]:
    """As the spec has it. Raises ArgumentTypeError."""
    when, colon, target = text.partition(":")
    if not colon:
        when, target = "ended", text
    if not when or not target:
        raise argparse.ArgumentTypeError(f'"{text}" names no target: write one, as in failed:lab-chat')
    if when not in WHEN:
        meant = suggest.hint(when, WHEN, f"there are {', '.join(WHEN)}")
        raise argparse.ArgumentTypeError(f'"{text}": nothing is called {when}; {meant}')
    return {"target": target, "when": when}
