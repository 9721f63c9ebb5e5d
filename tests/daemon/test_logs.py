import io
import json
import logging
import os
import socket
import threading

import pytest

from labd.daemon import journal, log_formats, logs
from labd.daemon.owner import OWNER

WALL = 1_700_000_000.25


def record(message="hello you", *args, level=logging.INFO, name="labd.jobs", exc_info=None, **extra):
    made = logging.LogRecord(name, level, "/src/jobs.py", 42, message, args, exc_info, "launch")
    made.created = WALL
    for key, value in extra.items():
        setattr(made, key, value)
    return made


def failure(error):
    try:
        raise error
    except BaseException as raised:
        return (type(raised), raised, raised.__traceback__)


@pytest.fixture
def root():
    """The root logger, put back as it was."""
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    yield logger
    for handler in set(logger.handlers) - set(handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_people_get_a_short_line(monkeypatch):
    text = log_formats.human(record(job=7, attempt=1))
    assert text.split(" ", 1)[1] == "info jobs: hello you (job 7, attempt 1)"


def test_people_get_colour_when_asked():
    assert "\x1b[33mwarning\x1b[0m" in log_formats.human(record(level=logging.WARNING), colour=True)


def test_a_message_cannot_move_the_cursor_or_pose_as_another_line():
    text = log_formats.human(record("a\x1b[2Jb\r\nc", exc_info=None))
    assert "\x1b" not in text
    assert text.endswith("a\\x1b[2Jb\\x0d\n    c")


def test_a_traceback_follows_the_line():
    text = log_formats.human(record(exc_info=failure(OSError("disk"))))
    assert "\n    Traceback" in text
    assert text.endswith("OSError: disk")


def test_json_lines_have_time_level_place_and_context():
    fields = json.loads(log_formats.as_json(record(job=7, attempt=2, plugin="hello")))
    assert fields == {
        "time": "2023-11-14T22:13:20.250Z", "level": "info", "logger": "labd.jobs", "message": "hello you",
        "job": 7, "attempt": 2, "plugin": "hello", "file": "/src/jobs.py", "line": 42,
    }  # fmt: skip


def test_json_stays_one_line_whatever_the_message():
    text = log_formats.as_json(record("a\nb\udcff", exc_info=failure(OSError("x"))))
    assert "\n" not in text
    assert json.loads(text)["error"].startswith("Traceback")


def test_the_plugin_is_known_from_the_task():
    token = OWNER.set("serving")
    assert log_formats.context(record()) == {"plugin": "serving"}
    OWNER.reset(token)
    assert log_formats.context(record()) == {}


@pytest.mark.parametrize("arguments", [("%d", "x"), ("%s %s", 1), ("%(a)s", 3)])
def test_a_wrong_log_call_is_shown_as_it_stands(arguments):
    assert "(a wrong log call: " in log_formats.message(record(*arguments))


def test_a_message_may_contain_per_cent_signs():
    assert log_formats.message(logging.LogRecord("a", 20, "f", 1, "100 %", None, None)) == "100 %"


def test_journal_fields_follow_the_protocol():
    fields = journal.fields(record(job=7, attempt=2, plugin="hello", level=logging.WARNING))
    assert fields == {
        "MESSAGE": "hello you", "PRIORITY": 4, "SYSLOG_IDENTIFIER": "labd", "CODE_FILE": "/src/jobs.py",
        "CODE_LINE": 42, "CODE_FUNC": "launch", "LABD_LOGGER": "labd.jobs", "LABD_JOB": 7, "LABD_ATTEMPT": 2,
        "LABD_PLUGIN": "hello",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("level", "priority"), [(10, 7), (20, 6), (25, 6), (30, 4), (40, 3), (50, 2), (60, 2)]
)
def test_levels_become_syslog_priorities(level, priority):
    assert journal.fields(record(level=level))["PRIORITY"] == priority


def test_plain_values_are_lines_and_others_carry_their_length():
    assert journal.encode({"A": "x", "B": 3}) == b"A=x\nB=3\n"
    assert journal.encode({"A": "x\ny"}) == b"A\n\x03\x00\x00\x00\x00\x00\x00\x00x\ny\n"
    assert journal.encode({"A": "é\udcff"}) == "A=é\\udcff\n".encode()


@pytest.fixture
def journald(tmp_path):
    """A socket that stands for journald's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "journal"))
        server.settimeout(30)
        yield server


@pytest.mark.real
def test_the_journal_gets_one_datagram_per_record(root, journald):
    handler = logs.setup("journal", stream=io.StringIO(), journal_path=journald.getsockname())
    logging.getLogger("labd.jobs").warning("job %d ended", 7, extra={"job": 7})
    data = journald.recv(65536)
    assert b"MESSAGE=job 7 ended\n" in data
    assert b"LABD_JOB=7\n" in data
    handler.flush()
    assert handler.statistics() == (1, 0)


@pytest.mark.real
def test_what_is_too_large_for_a_datagram_goes_as_a_sealed_file(journald):
    sink = journal.Journal(journald.getsockname())
    entry = journal.encode({"MESSAGE": "x" * 3_000_000})
    sink.send(entry)
    data, descriptors, _, _ = socket.recv_fds(journald, 100, 1)
    sink.close()
    assert data == b""
    with open(descriptors[0], "rb") as file:
        file.seek(0)
        assert file.read() == entry
        with pytest.raises(OSError, match="not permitted"):
            os.write(os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDWR), b"y")


@pytest.mark.real
def test_a_journal_that_is_away_costs_the_line_and_nothing_else(root, tmp_path):
    handler = logs.setup("journal", stream=io.StringIO(), journal_path=str(tmp_path / "nobody"))
    logging.getLogger("labd").error("lost")
    handler.flush()
    assert handler.statistics() == (0, 1)


@pytest.mark.real
def test_auto_takes_the_journal_only_for_the_stream_it_was_given(tmp_path):
    with open(tmp_path / "a", "w") as ours, open(tmp_path / "b", "w") as other:
        status = os.fstat(ours.fileno())
        env = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert journal.is_journal(ours, env)
        assert not journal.is_journal(other, env)
        assert not journal.is_journal(ours, {})
    assert not journal.is_journal(ours, env)  # closed
    assert not journal.is_journal(io.StringIO(), env)


def test_auto_is_for_people_on_a_terminal_and_json_elsewhere(root):
    terminal, pipe = Terminal(), io.StringIO()
    for stream in (terminal, pipe):
        handler = logs.setup("auto", stream=stream, env={})
        logging.getLogger("labd.x").info("seen")
        handler.flush()
    assert "info\x1b[0m x: seen\n" in terminal.getvalue()
    assert json.loads(pipe.getvalue())["message"] == "seen"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(root, env):
    stream = Terminal()
    handler = logs.setup("human", stream=stream, env=env)
    logging.getLogger("labd").error("plain")
    handler.flush()
    assert "\x1b" not in stream.getvalue()


def test_the_level_is_kept_and_a_second_setup_replaces_the_first(root):
    first, second = io.StringIO(), io.StringIO()
    logs.setup("json", "info", first)
    handler = logs.setup("json", "error", second)
    logging.getLogger("labd").warning("no")
    logging.getLogger("labd").error("yes")
    handler.flush()
    assert (first.getvalue(), second.getvalue().count("\n")) == ("", 1)


def test_a_sink_that_blocks_holds_up_nobody_and_the_loss_is_counted():
    gate = threading.Event()
    handler = logs.LogHandler(lambda made: gate.wait, room=3)
    for _ in range(10):
        handler.handle(record())
    assert handler.statistics().dropped >= 6
    gate.set()
    handler.close()
    assert sum(handler.statistics()) == 10


@pytest.mark.parametrize("error", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_a_sink_that_is_gone_is_counted(error):
    def write():
        raise error

    handler = logs.LogHandler(lambda made: write)
    handler.handle(record())
    handler.close()
    assert handler.statistics() == (0, 1)


def test_an_object_that_cannot_be_shown_raises_nothing_into_the_caller(root):
    class Shy:
        def __repr__(self):
            raise RuntimeError("no")

    stream = io.StringIO()
    handler = logs.setup("json", stream=stream)
    handler.handle(record("%s", Shy()))
    handler.handle(record("next"))
    handler.flush()
    assert handler.statistics() == (1, 1)
    assert '"next"' in stream.getvalue()


def test_closing_writes_what_is_waiting_and_gives_back_the_sink():
    done = []
    handler = logs.LogHandler(lambda made: lambda: done.append("line"), lambda: done.append("closed"))
    handler.handle(record())
    handler.close()
    handler.close()
    assert done == ["line", "closed"]
