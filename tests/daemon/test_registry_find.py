"""Finding plugins on a path of hand-made distributions, and importing them for real."""

import sys

import pytest

from labd.daemon.plugin_choice import Choice
from labd.daemon.plugins import find
from labd.daemon.registry import Registry

GOOD = """
from labd.api import hookimpl, Service
async def run(*, task_status): task_status.started()
@hookimpl
def labd_services(node): return Service("{name}", run)
"""


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on ``sys.path`` into which ``site(name, source)`` installs a plugin."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name, source=GOOD, *, distribution=None, entry=None, metadata=None):
        module = f"site_{name}"
        (tmp_path / f"{module}.py").write_text(source.format(name=name) if source is GOOD else source)
        distribution = distribution or f"labd-{name}"
        info = tmp_path / f"{distribution.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        usual = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n"
        (info / "METADATA").write_text(usual if metadata is None else metadata)
        (info / "entry_points.txt").write_text(entry or f"[labd.plugins]\n{name} = {module}\n")
        return tmp_path

    yield install
    for name in set(sys.modules) - before:
        del sys.modules[name]


def loaded(path, **choice):
    registry = Registry(Choice(**choice), strict=False)
    registry.load(find(path=[str(path)]), lambda name, struct_type: None)
    registry.collect(lambda name, settings: None)
    return registry


def states(registry):
    return {record.name: record.state for record in registry.records}


def test_installed_plugins_are_found_without_being_imported(site):
    site("b")
    path = site("a", "raise RuntimeError('imported')")
    assert [found[:4] for found in find(path=[str(path)])] == [
        ("a", "site_a", "labd-a", "1.0"),
        ("b", "site_b", "labd-b", "1.0"),
    ]
    assert "site_a" not in sys.modules


def test_r28_one_broken_distribution_leaves_the_others(site):
    site("syntax", "def (")
    site("missing", entry="[labd.plugins]\nmissing = no_such_module_anywhere\n")
    site("attribute", entry="[labd.plugins]\nattribute = site_attribute:plugin\n")
    site("quits", "import sys; sys.exit('enough')")
    path = site("good")
    registry = loaded(path)
    expected = dict.fromkeys(["attribute", "missing", "quits", "syntax"], "failed") | {"good": "loaded"}
    assert states(registry) == expected
    assert registry.record("quits").error == "SystemExit: enough"
    assert "No module named 'no_such_module_anywhere'" in registry.record("missing").error


def test_unreadable_metadata_leaves_the_others(site):
    site("nameless", metadata="\n")
    path = site("good")
    (path / "labd_nameless-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[")
    assert states(loaded(path))["good"] == "loaded"


def test_the_same_distribution_twice_on_the_path_counts_once(site, tmp_path):
    path = site("good")
    assert len(find(path=[str(path), str(path)])) == 1


def test_two_distributions_may_offer_one_name_and_one_of_them_gets_it(site):
    site("good")
    path = site("rival", entry="[labd.plugins]\ngood = site_rival\n")
    registry = loaded(path)
    assert [(record.distribution, record.state) for record in registry.records] == [
        ("labd-good", "loaded"),
        ("labd-rival", "failed"),
    ]


def test_built_in_plugins_come_first_and_take_the_same_way(site):
    site("zeta", GOOD.replace("{name}", "site_zeta"), entry="[labd.cli]\nzeta = site_zeta\n")
    path = site("alpha")
    found = find(["site_zeta"], path=[str(path)])
    assert [(plugin.name, plugin.builtin) for plugin in found] == [("site_zeta", True), ("alpha", False)]
    registry = Registry(Choice(safe=True), strict=False)
    registry.load(found, lambda name, struct_type: None)
    assert states(registry) == {"site_zeta": "loaded", "alpha": "disabled"}


def test_r28_safe_mode_keeps_what_ships_with_labd():
    found = next(each for each in find() if each.name == "fanout")
    assert Choice(safe=True).refusal(found) == ""
    assert Choice(safe=True, disabled=frozenset({"fanout"})).refusal(found) == "disabled in the configuration"


def test_an_object_in_a_module_can_be_the_plugin_and_the_module_states_its_api(site):
    source = """
LABD_API = 99
class plugin: pass
"""
    path = site("objects", source, entry="[labd.plugins]\nobjects = site_objects:plugin\n")
    assert states(loaded(path)) == {"objects": "incompatible"}
