"""What a worker does that wants out. Runs in workers, imports the standard library only.

Every path, port and process is one that the test made for this; nothing else is ever touched.
"""

import ctypes
import os
import resource
import socket
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
SEIZE, DETACH = 0x4206, 17
NEW_USER = 0x10000000
ADD_KEY = {"x86_64": 248}.get(os.uname().machine, 217)


def _works(act, *arguments):
    try:
        answer = act(*arguments)
    except OSError:
        return False
    return not (isinstance(answer, int) and answer < 0)


def _dial(family, address):
    with socket.socket(family) as connection:
        connection.settimeout(2)
        connection.connect(address)


def _list(path):
    os.listdir(path)


def _read(path):
    with open(path) as file:
        file.read()


def _make(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def _trace(pid):
    if libc.ptrace(SEIZE, pid, None, None):
        return -1
    return 0  # who is seized goes on, and is let go with our end


def attempts(file, folder, port, path, abstract, victim, number):
    """Each thing tried, and whether it worked. *number* tells the files that are made from earlier ones."""
    return {
        "read a file": _works(_read, file),
        "list a folder": _works(_list, folder),
        "make a file": _works(_make, f"{folder}/made{number}"),
        "change rights": _works(os.chmod, file, 0o644),
        "change times": _works(os.utime, file),
        "connect by TCP": _works(_dial, socket.AF_INET, ("127.0.0.1", port)),
        "connect to a program": _works(_dial, socket.AF_UNIX, path),
        "connect to a program without a file": _works(_dial, socket.AF_UNIX, "\0" + abstract),
        "signal a process": _works(os.kill, victim, 0),
        "trace a process": _works(_trace, victim),
        "see a process": _works(_read, f"/proc/{victim}/cmdline"),
        "read a process's environment": _works(_read, f"/proc/{victim}/environ"),
        "reach a process's limits": _works(resource.prlimit, victim, resource.RLIMIT_CORE),
    }


def tries_the_kernel(folder):
    """The same for what needs nobody else. *folder* is the target of a mount."""
    assert os.geteuid() != 0
    return {
        "make namespaces": _works(lambda: libc.unshare(NEW_USER)),
        "mount": _works(lambda: libc.mount(b"none", folder.encode(), b"tmpfs", 0, None)),
        "trace its parent": _works(_trace, os.getppid()),
        "hold keys": _works(lambda: libc.syscall(ADD_KEY, b"user", b"labd-test", b"x", 1, -2)),
    }


def send_datagram(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"out", ("127.0.0.1", port))


def standing():
    """Who we are, and what the kernel says of us where we can see it."""
    words = {}
    try:
        with open("/proc/self/status") as file:
            words = dict(line.split(":", 1) for line in file)
    except OSError:
        pass
    ids = [*os.getresuid(), *os.getresgid()]
    return {
        "ids": ids,
        "groups": os.getgroups(),
        "status": {key: value.strip() for key, value in words.items()},
    }


def own_folder():
    """A file in the folder that is ours; where that is."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(b"mine")
    os.mkdir(f"{tempfile.gettempdir()}/below")
    return [tempfile.gettempdir(), os.environ["HOME"], os.getcwd()]


def limit_of_tasks():
    """How many threads our user may have."""
    return resource.getrlimit(resource.RLIMIT_NPROC)


def more_threads(most):
    """How many sleepers can be started, up to *most*; they go with us."""
    import threading

    stop, threads = threading.Event(), []
    try:
        for _ in range(most):
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            threads.append(thread)
    except RuntimeError:
        pass
    stop.set()
    for thread in threads:
        thread.join()
    return len(threads)


def usual():
    """What libraries do: threads, pipes, processes, a socket pair."""
    import subprocess
    import threading

    threads = [threading.Thread(target=int) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one, other = socket.socketpair()
    one.send(b"x")
    said = subprocess.run(["/bin/sh", "-c", "echo out"], capture_output=True, check=True).stdout
    return [other.recv(1).decode(), said.decode()]
