"""The program that asks the drivers which GPUs there are, and prints a JSON map for each.

Standard library only. It is a process of its own, so that a driver that hangs or crashes its caller does
it to this one. What the drivers cannot say is a map with ``error``.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from labd.resources import nvml, sysfs

_ROOT = str(Path(__file__).parents[2])
_CODE = """
import sys
sys.path.append(sys.argv[1])
from labd.resources.drivers import main
main()
"""

COMMAND = (sys.executable, "-I", "-S", "-X", "utf8", "-c", _CODE, _ROOT)
"""What runs :func:`main` in another process."""


def present() -> bool:
    """Whether there is a driver to ask. Does not speak to it."""
    return bool(sysfs.nvidia_count() or sysfs.amd_cards())


def found() -> Iterator[dict[str, Any]]:
    """Every GPU, as far as the drivers say; those first whose driver is a file system."""
    yield from sysfs.amd_rows()
    if sysfs.nvidia_count():
        yield from _nvidia()


def _nvidia() -> list[dict[str, Any]]:
    try:
        return nvml.rows()
    except OSError:
        return sysfs.nvidia_rows()
    except nvml.NvmlError as error:
        return [{"vendor": "nvidia", "error": f"its driver says: {error}"}]


def main() -> None:
    for row in found():
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
