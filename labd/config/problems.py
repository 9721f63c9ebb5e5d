"""What is wrong with a configuration: every problem, each with its place."""

from collections.abc import Sequence
from typing import NamedTuple

from labd.config.origins import Origin
from labd.errors import ConfigError


class Problem(NamedTuple):
    """One wrong thing. ``value`` is ready to be shown: short, and never a secret; it may be empty."""

    origin: Origin
    key: str
    value: str
    what: str
    column: int = 0

    @property
    def place(self) -> str:
        return f"{self.origin.place}:{self.column}" if self.column else self.origin.place

    def __str__(self) -> str:
        subject = f"{self.key} = {self.value}" if self.value else self.key
        return ": ".join(part for part in (self.place, subject, self.what) if part)


class ConfigErrors(ConfigError):
    """A configuration that cannot be used; ``problems`` are all of them, in the order of the sources."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems]
        message = lines[0] if len(lines) == 1 else f"{len(lines)} problems\n  " + "\n  ".join(lines)
        super().__init__(
            message,
            hint="correct them and run `labd config check`; `labd config show --origin` lists every setting",
            data={"problems": [_as_data(problem) for problem in self.problems]},
        )


def _as_data(problem: Problem) -> dict[str, str]:
    return {"place": problem.place, "key": problem.key, "value": problem.value, "what": problem.what}
