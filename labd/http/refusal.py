"""A request that is not served, and what its client is told."""

from http import HTTPStatus
from typing import Any

from labd import errors

STATUSES: dict[type[errors.LabdError], int] = {
    errors.UsageError: 400,
    errors.NotPermitted: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Refused: 422,
    errors.Overloaded: 429,
    errors.StoreUnavailable: 503,
    errors.NotReady: 503,
    errors.TooLarge: 413,
    errors.Unreachable: 502,
    errors.DeadlineExceeded: 504,
    errors.ProtocolError: 400,
}


class Refusal(errors.LabdError):
    """The client broke HTTP, or a limit: *status* says which, and the connection is closed if *close*."""

    code, title = "protocol", "bad request"

    def __init__(
        self,
        status: int,
        message: str,
        *,
        hint: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        close: bool = True,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status, self.headers, self.close = status, headers, close
        self.title = HTTPStatus(status).phrase.lower()
        self.code = self.title.replace(" ", "_").replace("-", "_")


def status_of(error: errors.LabdError) -> int:
    """The HTTP status that says what *error* says."""
    if isinstance(error, Refusal):
        return error.status
    return next((STATUSES[cls] for cls in type(error).__mro__ if cls in STATUSES), 500)


def as_json(error: errors.LabdError) -> dict[str, Any]:
    """The body of an error's answer."""
    return {"error": error.as_wire()}
