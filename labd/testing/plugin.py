"""The fixtures, as pytest loads them. Nothing is imported before a test uses one.

To override one, write a fixture of that name into ``conftest.py``::

    @pytest.fixture
    def labd_plugin():
        return labd_dice.plugin
"""

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from labd.testing import Clock, Devices, Node


@pytest.fixture
def labd_plugin() -> object:
    """The plugin that ``labd_node`` is the node of: override it. None: of a plugin called ``plugin``."""
    return None


@pytest.fixture
def labd_settings() -> dict[str, Any]:
    """What stands in ``[plugins.NAME]`` of the plugin: override it to test with other settings."""
    return {}


@pytest.fixture
def labd_clock() -> "Clock":
    """A clock that stands still until it is moved, or follows trio's MockClock."""
    from labd.testing import Clock

    return Clock()


@pytest.fixture
def labd_devices() -> "Devices":
    """The machine: 8 cores, 64 GiB of memory, two GPUs of 24 GiB. Override it for another one."""
    from labd.testing import Devices

    return Devices()


@pytest.fixture
def labd_node(
    labd_plugin: object, labd_settings: dict[str, Any], labd_clock: "Clock", labd_devices: "Devices"
) -> "Node":
    """A :class:`labd.api.Node` in memory, made for ``labd_plugin`` with ``labd_settings``."""
    from labd.testing import Node

    if labd_plugin is None:
        return Node(clock=labd_clock, devices=labd_devices)
    return Node.of(labd_plugin, settings=labd_settings, clock=labd_clock, devices=labd_devices)
