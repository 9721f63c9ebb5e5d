"""The reference of hooks is true: examples run, every hook has a user, and the page says who that is."""

import types

import pytest

from docs import api
from docs.users import ROOT, users
from labd.daemon.plugin_check import HOOKS
from labd.testing import check_plugin

REFERENCE = (ROOT / "docs" / "reference" / "hooks.md").read_text()


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_of_a_hook_is_a_plugin_that_labd_takes(hook):
    module = types.ModuleType("labd_hello")
    exec(compile(api.example(hook), f"example of {hook}", "exec"), vars(module))
    assert check_plugin(module).hooks == (hook,)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_plugin_that_comes_with_labd_uses_the_hook_and_the_page_names_it(hook):
    found = users(hook)
    assert found, f"no plugin uses {hook}: give it a user in labd/plugins or plugins_contrib"
    part = REFERENCE.partition(f"### {hook}\n")[2].partition("\n### ")[0]
    assert [name for name in found if f"[{name}](" not in part] == []
    assert part.count("```python") == 2


def test_users_are_found_in_any_form(tmp_path):
    plugin = tmp_path / "plugins_contrib" / "other" / "src" / "labd_other" / "plugin.py"
    builtin = tmp_path / "labd" / "plugins" / "serving" / "__init__.py"
    for path in (plugin, builtin):
        path.parent.mkdir(parents=True)
    plugin.write_text("class P:\n    @hookimpl(tryfirst=True)\n    def labd_services(self, node): ...\n")
    builtin.write_text("@api.hookimpl\ndef labd_services(node): ...\ndef labd_methods(node): ...\n")
    assert list(users("labd_services", tmp_path)) == ["serving", "other"]
    assert users("labd_methods", tmp_path) == {}
