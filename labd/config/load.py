"""Load the configuration: all sources in order, everything checked, all problems at once."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from labd.config.check import check
from labd.config.model import Config
from labd.config.origins import Origin, Source
from labd.config.problems import ConfigErrors, Problem
from labd.config.sources import read_environment, read_file, read_options


class Loaded(msgspec.Struct, frozen=True):
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

    Nothing is kept between calls: a caller that already has a Loaded keeps it when this raises.
    Raises ConfigErrors, which lists every problem of every source.
    """
    env = {} if env is None else dict(env)
    read = [read_file(path) for path in files]
    options, problems = read_options(overrides)
    problems = [problem for _, found in read for problem in found] + problems
    sources = [*(source for source, _ in read if source), *read_environment(env), *options]
    checked = check(Config, sources, env)
    if problems := [*problems, *checked.problems]:
        raise ConfigErrors(in_order(problems, files))
    return Loaded(checked.value, checked.origins, tuple(files), tuple(sources), env)


def in_order(problems: Iterable[Problem], files: Sequence[str]) -> list[Problem]:
    """*problems* as a reader of the files meets them; variables and options come last."""
    order = {name: index for index, name in enumerate(files)}
    return sorted(problems, key=lambda p: (order.get(p.origin.name, len(order)), p.origin.line, p.column))
