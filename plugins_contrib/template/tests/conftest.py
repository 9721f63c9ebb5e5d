"""What labd's own fixtures need to know: which plugin they are for."""

import pytest

from labd_template.plugin import Plugin


@pytest.fixture
def labd_plugin() -> Plugin:
    """A fresh one for each test; ``labd_node`` is its node."""
    return Plugin()
