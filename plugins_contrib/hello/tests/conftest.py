import pytest
from labd_hello import plugin


@pytest.fixture
def labd_plugin():
    return plugin
