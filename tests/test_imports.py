"""The contracts on who imports whom, checked at run time where the static graph cannot see."""

import subprocess
import sys

import pytest
from importlinter.cli import lint_imports

HEAVY = {
    "asyncio", "trio", "textual", "rich", "pluggy", "importlib.metadata", "logging", "dataclasses",
    "tomllib", "numpy", "msgspec", "psutil", "tensorflow", "sqlite3",
}  # fmt: skip


def loaded_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after *code*."""
    script = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_root_is_free():
    assert not {name for name in loaded_after("import labd") if name.startswith("labd.")}


def test_wire_is_the_standard_library_and_msgpack():
    extra = loaded_after("import labd.wire.blocking") & HEAVY
    assert not extra


@pytest.mark.parametrize(
    "command", ["status", "submit", "show", "logs", "wait", "cancel", "retry", "events", "plot", "top", "map"]
)
def test_labctl_stays_bare(command):
    code = f"""
import sys
from labd.cli.labctl import main
sys.argv = ["labctl", "--socket", "/nonexistent/labd.sock", "{command}", "1"]
sys.stderr = open("/dev/null", "w")
try:
    main()
except SystemExit:
    pass
"""
    assert not loaded_after(code) & HEAVY


def test_the_help_of_run_loads_nothing_of_it():
    found = loaded_after("from labd.cli import labctl\nlabctl.command_parser('run', labctl.load('run'))")
    assert not found & HEAVY
    assert "labd.dljob.job" not in found


def test_the_daemon_never_loads_what_belongs_to_others():
    extra = loaded_after("import labd.daemon.start") & {"textual", "tensorflow", "numpy", "rich", "asyncio"}
    assert not extra


def test_the_command_of_the_terminal_interface_loads_nothing_of_it():
    assert not loaded_after("import labd.cli.labd, labd.cli.commands.tui") & HEAVY


def test_the_terminal_interface_loads_nothing_of_the_daemon():
    found = loaded_after("import labd.tui.start, labd.tui.screens.overview, labd.tui.screens.jobs")
    theirs = ("labd.daemon", "labd.jobs", "labd.store", "labd.resources", "labd.workers", "labd.api", "trio")
    assert not {name for name in found if name.startswith(theirs)}


def test_a_start_loads_nothing_that_is_for_later():
    later = {"labd.daemon.doctor", "labd.daemon.web.service", "labd.http", "httptools", "importlib.metadata"}
    assert not loaded_after("import labd.daemon.start, labd.daemon.app") & (later | {"email", "psutil"})


def test_the_store_is_checked_before_trio_is_there():
    assert "trio" not in loaded_after("import labd.daemon.start")


def test_what_asks_the_drivers_is_small():
    found = loaded_after("from labd.resources import drivers")
    assert not found & {"trio", "msgspec", "psutil", "asyncio"}


def test_the_shim_loads_next_to_nothing():
    found = loaded_after("from labd.jobs.shim import zygote")
    shared = ("labd.jobs", "labd.process")
    ours = {name for name in found if name.startswith("labd.") and not name.startswith(shared)}
    assert not ours
    assert not found & (HEAVY | {"typing", "subprocess"})


def test_import_contracts_hold():
    assert lint_imports(no_cache=True) == 0
