"""``python -m labd_wkr``: every command by its name, and what the scripts ask."""

import sys

from labd_wkr.commands import decentral, serving

COMMANDS = {
    "wkr-serving-start": serving.start,
    "wkr-decentral-start": decentral.start,
}
QUESTIONS = {"serving": serving.main, "decentral": decentral.main}


def main() -> int:
    name, *words = sys.argv[1:] or [""]
    if name in QUESTIONS:
        return QUESTIONS[name](words)
    if name not in COMMANDS:
        sys.exit(f"python -m labd_wkr is for scripts, and knows no {name!r}")
    sys.argv = [name, *words]
    return COMMANDS[name]()


sys.exit(main())
