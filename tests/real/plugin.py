"""A plugin for a test: a module and the metadata of a distribution, on the daemon's PYTHONPATH."""

from pathlib import Path
from textwrap import dedent

from tests.daemon_process import DaemonProcess


def install(daemon: DaemonProcess, name: str, text: str) -> None:
    """Put the module *name* with *text* where *daemon* finds it as the plugin *name*."""
    site = Path(daemon.folder, "site")
    metadata = site / f"{name}_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / f"{name}_plugin.py").write_text(dedent(text))
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[labd.plugins]\n{name} = {name}_plugin\n")
    daemon.env["PYTHONPATH"] = str(site)
