"""From the words of ``labd tui`` to the running application."""

import os

from labd.paths import client_socket
from labd.tui import settings as files
from labd.tui.app import LabdApp
from labd.tui.link import Link


def run(socket: str | None, theme: str | None, page: str, *, mouse: bool = True) -> int:
    """Show it until it is left; the exit code. Raises ConfigError."""
    chosen = files.load(files.path(os.environ))
    if theme is not None:
        chosen = chosen._replace(theme=theme)
    path = client_socket(socket)
    app = LabdApp(lambda store, wake: Link(store, path, wake), chosen, first=page)
    app.run(mouse=mouse)
    return app.return_code or 0
