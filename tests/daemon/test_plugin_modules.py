"""Which modules belong to a plugin, and what becomes of them when its code is read again."""

import importlib
import sys

import pytest

import labd.api.jobs  # noqa: F401 - so that there is something that could wrongly leave
from labd.daemon.plugin_modules import imported_anew, own_modules
from labd.daemon.plugins import Found, find


def found(module, *modules, **fields):
    return Found(
        "p", module, "p-dist", "1", lambda: importlib.import_module(module), modules=lambda: modules, **fields
    )


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Write modules by their dotted names; what was imported of them is gone again in the end."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**texts):
        for name, text in texts.items():
            file = tmp_path.joinpath(*name.split("__")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            if name.endswith("____init__"):
                file = tmp_path.joinpath(*name.removesuffix("____init__").split("__"), "__init__.py")
                file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        return tmp_path

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_package_belongs_to_its_plugin_whole_and_no_other_does(site):
    site(pack____init__="from pack import inner", pack__inner="", packed="", pack__plug="import packed")
    importlib.import_module("pack.plug")
    assert sorted(own_modules(found("pack.plug"))) == ["pack", "pack.inner", "pack.plug"]


def test_of_a_namespace_only_what_the_plugin_brought_is_its_own(site):
    site(lab__one____init__="", lab__one__inner="", lab__two____init__="", lab_helper="")
    for name in ("lab.one.inner", "lab.two", "lab_helper"):
        importlib.import_module(name)
    assert sorted(own_modules(found("lab.one", "lab_helper"))) == ["lab.one", "lab.one.inner", "lab_helper"]


def test_labd_itself_and_modules_in_c_stay():
    assert own_modules(found("labd.api")) == []
    assert "msgspec._core" not in own_modules(found("msgspec._core"))


def test_a_built_in_plugin_is_only_its_own_module():
    assert "labd.api" not in own_modules(found("labd.api.jobs", builtin=True))
    assert "labd.api.jobs" in own_modules(found("labd.api.jobs", builtin=True))


def test_code_is_read_again_with_all_its_parts(site):
    site(pack____init__="from pack.inner import WORD", pack__inner="WORD = 'first'")
    old = importlib.import_module("pack")
    site(pack__inner="WORD = 'second'")
    with imported_anew(found("pack")):
        assert importlib.import_module("pack").WORD == "second"
    assert old.WORD == "first"
    assert sys.modules["pack"] is not old


def test_after_an_error_everything_is_as_it_was(site):
    site(lab__pack____init__="", lab__pack__inner="WORD = 'first'")
    old = importlib.import_module("lab.pack.inner")
    site(lab__pack__inner="WORD = 'second'", lab__pack__more="raise SystemExit")
    with pytest.raises(SystemExit):
        import_anew("lab.pack", "lab.pack.inner", "lab.pack.more")
    assert sys.modules["lab.pack.inner"] is old
    assert sys.modules["lab"].pack is sys.modules["lab.pack"]
    assert "lab.pack.more" not in sys.modules


def import_anew(package, *names):
    with imported_anew(found(package)):
        return [importlib.import_module(name) for name in names]


def test_a_distribution_says_which_modules_it_has_brought(tmp_path):
    info = tmp_path / "two-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: two\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[labd.plugins]\ntwo = two_plugin\n")
    (info / "RECORD").write_text(
        "two_plugin.py,,\n_two/__init__.py,,\n_two/part.py,,\n../bin/two.py,,\ntwo.txt,,\n"
    )
    [plugin] = find(path=[str(tmp_path)], builtin=())
    assert list(plugin.modules()) == ["two_plugin", "_two", "_two.part"]
