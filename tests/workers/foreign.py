"""Other people's code, as the tests of workers have it. Runs in workers; imports no labd but labd.worker.

The tests may run as root: nothing here may write to, or signal, what it did not make itself.
"""

import os
import signal
import subprocess
import sys
import threading
import time

from labd import worker

kept = []


class Model:
    def __init__(self, factor):
        self.factor = factor

    def predict(self, x):
        return x * self.factor


def add(a, b):
    return a + b


def echo(x):
    return x


def keep(x):
    kept.append(x)
    return


def kept_values():
    return [float(each[0]) for each in kept]


def write_to(x):
    x[0] = 1


def writeable(x):
    x.setflags(write=True)


def same_memory(x):
    return not x.flags.owndata


def fail(text):
    raise ValueError(text)


def leave(code):
    sys.exit(code)


def die(signum):
    os.kill(os.getpid(), signum)


def unsendable():
    return object()


def huge(size):
    return b"x" * size


def hang():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while True:
        time.sleep(60)


def patient():
    while not worker.cancelled():
        time.sleep(0.005)
    worker.notify("gave_up")
    return "too late"


def ask(method, **params):
    return worker.call(method, **params)


def ask_wrongly(method):
    try:
        worker.call(method)
    except worker.CallError as error:
        return [error.code, str(error)]


def tell(times):
    for n in range(times):
        worker.notify("tick", n=n)


def tell_from_threads(times):
    threads = [threading.Thread(target=tell, args=(times,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def send_raw(data):
    os.write(3, data)
    time.sleep(60)


def printed(lines, text="line"):
    for n in range(lines):
        print(text, n)


def mumble(text):
    print(text, file=sys.stderr)
    os._exit(4)


def grandchildren(mark):
    """Two that do all they can to stay; they go by themselves after a minute."""
    code = "import os, signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\n"
    code += "if os.fork() == 0: os.setsid()\ntime.sleep(60)"
    subprocess.Popen([sys.executable, "-c", code, mark], close_fds=False, start_new_session=True)


def eat(size):
    kept.append(os.urandom(1024) * (size // 1024))
    time.sleep(60)


def burn():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


def breed(count):
    for _ in range(count):
        subprocess.Popen(["/bin/sleep", "60"])
    time.sleep(60)


def open_files(count):
    kept.extend(open("/dev/null") for _ in range(count))


def sees(path):
    return os.path.exists(path)


def can_make(path):
    """Whether a new file can be made; an old one is never touched."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except OSError:
        return False
    return True


def connects(port):
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError as error:
        return str(error)
    return ""


def is_socket(fd):
    try:
        return os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    except FileNotFoundError:
        return False


def surroundings():
    return {
        "pid": os.getpid(), "env": dict(os.environ), "cwd": os.getcwd(), "uid": os.getuid(),
        "pids": [name for name in os.listdir("/proc") if name.isdigit()],
        "modules": sorted(sys.modules), "python": sys.executable,
        "sockets": sum(is_socket(fd) for fd in os.listdir("/proc/self/fd")),
    }  # fmt: skip


def kill_keeper():
    """Kill our parent, provided that it is a keeper."""
    keeper = os.getppid()
    pin = os.pidfd_open(keeper)
    with open(f"/proc/{keeper}/comm") as file:
        assert file.read() == "labd-keeper\n"
    assert os.getppid() == keeper
    signal.pidfd_send_signal(pin, signal.SIGKILL)
    time.sleep(60)


def random():
    import numpy

    return float(numpy.random.random())


def matmul(x):
    return x @ x
