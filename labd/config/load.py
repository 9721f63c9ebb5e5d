"""Load the configuration: all sources in order, everything checked, all problems at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from labd.config.check import check
from labd.config.model import Config
from labd.config.origins import Origin, Source
from labd.config.problems import ConfigErrors, Problem
from labd.config.sources import option_key, read_environment, read_file, read_options


class Loaded(NamedTuple):
    """A configuration that was found good, with where each value came from.

    ``origins`` is by dotted key; ``files`` are those that were read; ``sources`` and ``env`` are kept for
    :func:`check_plugin` and are not printed.
    """

    config: Config
    origins: dict[str, Origin]
    files: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    env: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Loaded({self.config!r}, files={self.files!r})"


def load(
    files: Sequence[str] = (), env: Mapping[str, str] | None = None, overrides: Iterable[str] = ()
) -> Loaded:
    """Defaults < *files* in order < ``LABD_SECTION__KEY`` in *env* < *overrides* (``section.key=value``).

    An *env* of None is an empty one. Nothing is kept between calls: a caller that already has a Loaded still
    has it when this raises. Raises ConfigErrors, which lists every problem of every source.
    """
    env = {} if env is None else dict(env)
    overrides = list(overrides)
    read = [read_file(path) for path in files]
    options, problems = read_options(overrides)
    problems = [problem for _, found in read for problem in found] + problems
    sources = [*(source for source, _ in read if source), *read_environment(env), *options]
    checked = check(Config, sources, env)
    if problems := [*problems, *checked.problems]:
        raise ConfigErrors(in_order(problems, [*files, *sorted(env), *map(option_key, overrides)]))
    return Loaded(checked.value, checked.origins, tuple(files), tuple(sources), env)


def in_order(problems: Iterable[Problem], names: Iterable[str]) -> list[Problem]:
    """*problems* as a reader of the sources meets them; *names* are those of the sources."""
    order = {name: index for index, name in enumerate(names)}
    return sorted(problems, key=lambda p: (order.get(p.origin.name, len(order)), p.origin.line, p.column))
