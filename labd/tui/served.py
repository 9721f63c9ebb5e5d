"""What a process behind a page in a browser has in place of a terminal."""

from collections.abc import Mapping

from textual import messages
from textual.drivers.web_driver import WebDriver

NAME = f"{__name__}:Driver"
"""For ``TEXTUAL_DRIVER``."""


ADDED = (
    "TEXTUAL_DRIVER", "TEXTUAL_FPS", "TEXTUAL_COLOR_SYSTEM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION",
    "COLUMNS", "ROWS",
)  # fmt: skip
"""What the server adds to the environment, and jobs must not inherit."""


def without(env: Mapping[str, str]) -> dict[str, str]:
    """*env* as it was before the server."""
    return {name: value for name, value in env.items() if name not in ADDED}


class Driver(WebDriver):
    """As Textual's, but it ends with the server, however that ended."""

    def run_input_thread(self) -> None:
        """Read what the server sends; when that is over, so is the application."""
        super().run_input_thread()
        if not self.exit_event.is_set():
            self._app.post_message(messages.ExitApp())

    def stop_application_mode(self) -> None:
        try:
            super().stop_application_mode()
        except BrokenPipeError:
            pass  # the server is gone, and nobody is left to be told
