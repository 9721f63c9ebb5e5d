"""From the words of ``labd tui`` to the running application."""

import os
import sys
from collections.abc import Sequence

from labd.cli.far import Far
from labd.errors import LabdError, UsageError
from labd.paths import client_socket
from labd.tui import settings as files
from labd.tui.app import LabdApp
from labd.tui.link import Link


def run(
    socket: str | None, theme: str | None, page: str, *, mouse: bool = True, far: Far | None = None
) -> int:
    """Show it until it is left; the exit code. With *far* it is about that machine. Raises ConfigError."""
    chosen = files.load(files.path(os.environ))
    if theme is not None:
        chosen = chosen._replace(theme=theme)
    if far is None:
        path = client_socket(socket)
        app = LabdApp(lambda store, wake: Link(store, path, wake), chosen, first=page)
    else:
        from labd.tui.ssh import Ssh

        ssh = Ssh(far)
        app = LabdApp(
            lambda store, wake: Link(store, far.host, wake, ssh),
            chosen,
            first=page,
            host=far.host,
            login=ssh.login,
        )
        ssh.tell = app.link.failed
    app.run(mouse=mouse)
    return app.return_code or 0


def serve(options: Sequence[str], port: int) -> int:
    """Show ``labd tui OPTIONS`` to browsers of this machine, until a signal. Raises LabdError."""
    try:
        from labd.tui import serve as server
    except ImportError as error:
        raise LabdError(
            f"--serve needs textual-serve: {error}", hint="install it with pip install 'labd[tui-serve]'"
        ) from None
    try:
        return server.run([sys.executable, "-m", "labd", "tui", *options], port)
    except OSError as error:
        raise UsageError(
            f"--serve {port}: {error.strerror}", hint="without a number it takes a free port"
        ) from None
