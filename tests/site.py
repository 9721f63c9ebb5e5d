"""A folder of hand-made distributions with plugins, as an installer would leave them."""

from pathlib import Path
from textwrap import dedent


class Site:
    """Distributions in *folder*; each has one plugin in a module of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, text: str, version: str = "1.0") -> None:
        """Put the plugin *name* with *text* there, in place of any older version of it."""
        for old in self.folder.glob(f"{name}_plugin-*.dist-info"):
            (old / "METADATA").unlink()
            (old / "entry_points.txt").unlink()
            old.rmdir()
        metadata = self.folder / f"{name}_plugin-{version}.dist-info"
        metadata.mkdir(parents=True)
        self.write(name, text)
        lines = ["Metadata-Version: 2.1", f"Name: {name}-plugin", f"Version: {version}"]
        (metadata / "METADATA").write_text("\n".join(lines) + "\n")
        (metadata / "entry_points.txt").write_text(f"[labd.plugins]\n{name} = {name}_plugin\n")

    def write(self, name: str, text: str) -> None:
        """Change the code of plugin *name*; the length differs each time, as times of files are coarse."""
        file = self.folder / f"{name}_plugin.py"
        before = file.stat().st_size if file.exists() else 0
        body = dedent(text)
        file.write_text(body + ("\n" if len(body.encode()) == before else ""))
