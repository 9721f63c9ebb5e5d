"""What a client of the protocol is told when it gets no answer."""

from labd.http.refusal import Refusal


def bad(message: str, hint: str = "") -> Refusal:
    """The request cannot be read, or contradicts itself."""
    return Refusal(400, message, hint=hint, close=False)


def unknown(message: str, hint: str = "") -> Refusal:
    """There is no such model, version or region."""
    return Refusal(404, message, hint=hint, close=False)


def too_large(message: str, hint: str = "") -> Refusal:
    """More bytes than are taken."""
    return Refusal(413, message, hint=hint, close=False)


def unfit(message: str, hint: str = "") -> Refusal:
    """It can be read, and is not what the model takes."""
    return Refusal(422, message, hint=hint, close=False)
