"""What a program that cannot be run is called."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from labd.jobs.shim import child

ORDER: dict[str, Any] = {"argv": ["/bin/x"], "cwd": "/nowhere", "env": {}, "user": {"uid": 7}}


@pytest.mark.parametrize(
    ("fault", "code", "sentence"),
    [
        (f"cwd {errno.ENOENT}", 127, "cannot enter the working directory /nowhere: No such file"),
        (f"cwd {errno.EACCES}", 126, "cannot enter the working directory /nowhere: Permission denied"),
        (f"program {errno.ENOENT}", 127, "cannot run /bin/x: No such file or directory"),
        (f"program {errno.EACCES}", 126, "cannot run /bin/x: Permission denied"),
        (f"program {errno.E2BIG}", 126, "cannot run /bin/x: Argument list too long"),
        (f"user {errno.EPERM}", 126, "cannot become user {'uid': 7}: Operation not permitted"),
        (f"start {errno.EINVAL}", 126, "cannot start the job: Invalid argument"),
    ],
)
def test_the_sentence_names_the_thing(fault: str, code: int, sentence: str) -> None:
    exit_code, said = child.explain(fault, ORDER)
    assert exit_code == code
    assert said.startswith(sentence)


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#! /opt/nothing/python -u\n")
    own = ORDER | {"argv": [str(script)], "user": None}
    _, sentence = child.explain(f"program {errno.ENOENT}", own)
    assert f"cannot run {script}, whose interpreter is /opt/nothing/python: " in sentence


def test_nothing_is_read_with_roots_rights_for_somebody_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("#! /the/secret\n")
    _, sentence = child.explain(f"program {errno.ENOENT}", ORDER | {"argv": [str(secret)]})
    assert "secret\n" not in sentence
    assert "interpreter" not in sentence


def test_a_fifo_that_is_called_a_program_holds_up_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    own = ORDER | {"argv": [str(tmp_path / "fifo")], "user": None}
    assert child.explain(f"program {errno.ENOENT}", own)[0] == 127


@pytest.mark.parametrize(
    "broken", [{"argv": []}, {"cwd": ""}, {"env": None}], ids=["no program", "no folder", "no environment"]
)
def test_an_order_without_the_needful_starts_nothing(broken: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the order"):
        child.start(ORDER | broken, print)
