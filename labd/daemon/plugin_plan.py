"""What a new configuration means for the plugins. Pure, but for asking settings classes."""

from collections.abc import Iterable

import msgspec

from labd.config import ConfigErrors, Loaded, Problem, check_plugin
from labd.daemon.plugin_choice import Choice, chosen
from labd.daemon.plugin_load import Plug
from labd.daemon.plugins import Found
from labd.daemon.registry import Registry


class Plan(msgspec.Struct):
    """*withdraw* with reasons, *changed* by settings, *load*; and what became of those to load."""

    choice: Choice
    found: dict[str, Found]
    withdraw: list[tuple[str, str]] = []
    changed: list[Plug] = []
    load: list[Found] = []
    problems: list[Problem] = []
    ready: list[tuple[Found, Plug]] = []
    broken: list[tuple[Found, Exception]] = []

    @property
    def names(self) -> list[str]:
        """The plugins that it is about."""
        touched = [name for name, _ in self.withdraw] + [plug.record.name for plug in self.changed]
        return sorted([*touched, *(one.name for one in self.load)])


def draw_up(registry: Registry, installed: Iterable[Found], old: Loaded, new: Loaded) -> Plan:
    """What differs between *old* and *new*; what was switched by hand stays so while they agree.

    A plugin that was installed meanwhile counts only where it is enabled by its name.
    """
    choice = chosen(new.config.plugins, safe=registry.choice.safe)
    named = [one for one in installed if one.name in choice.enabled]
    plan = Plan(choice, {one.name: one for one in named} | {one.name: one for one in registry.found})
    for found in plan.found.values():
        _consider(plan, registry, found, old, new)
    return plan


def _consider(plan: Plan, registry: Registry, found: Found, old: Loaded, new: Loaded) -> None:
    known = found.name in {one.name for one in registry.found}
    before = registry.choice.refusal(found) if known else "not installed"
    after = plan.choice.refusal(found)
    plug = registry.plug(found.name)
    if plug is not None and after and not before:
        plan.withdraw.append((found.name, after))
    elif plug is not None:
        _compare(plan, plug, new)
    elif not after and (before or _may_be_cured(registry, found.name, old, new)):
        plan.load.append(found)


def _compare(plan: Plan, plug: Plug, new: Loaded) -> None:
    try:
        settings = check_plugin(plug.record.name, plug.settings_type, new)
    except ConfigErrors as error:
        plan.problems += error.problems
        return
    if settings != plug.settings:
        plan.changed.append(plug.with_settings(settings))


def _may_be_cured(registry: Registry, name: str, old: Loaded, new: Loaded) -> bool:
    """Whether a plugin that does not load has got other settings."""
    tables = old.config.plugins.settings.get(name), new.config.plugins.settings.get(name)
    return registry.record(name).state == "failed" and tables[0] != tables[1]
