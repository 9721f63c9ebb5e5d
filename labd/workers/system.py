"""What a worker behind walls sees of the machine. Pure data."""

from collections.abc import Sequence

PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
ETC = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime")
NET = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/ssl", "/etc/ca-certificates")
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_GPU = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


def gpu_nodes(gpus: Sequence[int], folder: str = "/dev") -> list[str]:
    """The device nodes of the GPUs *gpus*; none for none."""
    return [f"{folder}/{name}" for name in (*_GPU, *(f"nvidia{index}" for index in gpus))] if gpus else []
