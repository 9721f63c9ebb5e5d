import pytest
from labd_wkr import plugin


@pytest.fixture
def labd_plugin():
    return plugin
