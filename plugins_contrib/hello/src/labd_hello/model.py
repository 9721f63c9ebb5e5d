"""In a worker: a model that greets. It takes and gives JSON documents."""

from typing import Any


class Greeter:
    def __init__(self, greeting: str) -> None:
        self._greeting = greeting

    def predict(self, names: list[Any]) -> list[str]:
        return [f"{self._greeting}, {name}!" for name in names]


def load(context: Any) -> Greeter:
    """The model, by the arguments of its spec."""
    return Greeter(context.arguments.get("greeting", "Hello"))
