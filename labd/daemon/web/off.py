"""What stands where the web server would, while HTTP is off. Its many modules need not be imported then."""

from labd.config.http import Http
from labd.config.model import Access


class NoWeb:
    """Answers like :class:`labd.daemon.web.service.Web` that there is nothing."""

    enabled = False
    problem = ""

    def __init__(self) -> None:
        self.urls: list[str] = []

    def configure(self, http: Http, access: Access) -> None:
        """Whether HTTP is on is decided at the start."""

    def hurry(self) -> None:
        """There is no request to wait for."""

    def token(self, uid: int) -> str:
        return ""

    def trouble(self) -> list[str]:
        return []
