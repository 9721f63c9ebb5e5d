"""Which level can be had by what, and why not."""

import pytest

from labd.errors import Refused
from labd.workers.sandbox import Levels, Means
from tests.workers.house import foreign

BUBBLEWRAP, LANDLOCK, SECCOMP = Means("bubblewrap", "/usr/bin/bwrap"), Means("Landlock"), Means("seccomp")
NO_BUBBLEWRAP = Means("bubblewrap", "", "bubblewrap is not installed", "apt install bubblewrap")
NO_LANDLOCK = Means("Landlock", "", "the kernel has no Landlock", "take Linux 6.12")
NO_SECCOMP = Means("seccomp", "", "no filter for riscv64", "use bubblewrap")


@pytest.mark.parametrize(
    ("levels", "isolated", "with_net"),
    [
        (Levels(BUBBLEWRAP, LANDLOCK, SECCOMP), "bubblewrap", "bubblewrap"),
        (Levels(BUBBLEWRAP, NO_LANDLOCK, SECCOMP), "bubblewrap", "bubblewrap"),
        (Levels(BUBBLEWRAP, LANDLOCK, NO_SECCOMP), "bubblewrap", ""),
        (Levels(NO_BUBBLEWRAP, LANDLOCK, SECCOMP), "landlock", "landlock"),
        (Levels(NO_BUBBLEWRAP, LANDLOCK, NO_SECCOMP), "", ""),
        (Levels(NO_BUBBLEWRAP, NO_LANDLOCK, SECCOMP), "", ""),
    ],
)
def test_what_makes_which_level(levels, isolated, with_net):
    assert (levels.by("isolated"), levels.by("isolated+net")) == (isolated, with_net)
    assert levels.by("limits") == levels.by("none") == ""
    wanted = ["none", "limits", *(["isolated"] if isolated else []), *(["isolated+net"] if with_net else [])]
    assert list(levels.available) == wanted


@pytest.mark.parametrize("more", [{"root": True}, {"warm": ("x",)}])
def test_landlock_is_not_for_root_nor_for_the_warm(more):
    levels = Levels(NO_BUBBLEWRAP, LANDLOCK, SECCOMP)
    root, spec = more.pop("root", False), foreign(sandbox="isolated", **more)
    levels.need(foreign(sandbox="isolated"), root=False)
    with pytest.raises(
        Refused, match=r"only bubblewrap isolates a worker .*, and bubblewrap is not installed"
    ):
        levels.need(spec, root=root)
    Levels(BUBBLEWRAP, LANDLOCK, SECCOMP).need(spec, root=root)


def test_a_refusal_has_every_reason():
    with pytest.raises(Refused) as caught:
        Levels(NO_BUBBLEWRAP, NO_LANDLOCK, SECCOMP).need(foreign(sandbox="isolated"), root=False)
    assert "bubblewrap is not installed; the kernel has no Landlock" in caught.value.message
    assert "apt install bubblewrap" in caught.value.hint
