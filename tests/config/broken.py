"""Files of configuration that must be refused, and what each refusal has to say.

One table for every test that needs a bad file: loading one names the problems and changes nothing.
"""

from typing import NamedTuple


class Broken(NamedTuple):
    """*text* of a file, and for each problem in it the fragments of its one line of complaint."""

    name: str
    text: str
    problems: list[list[str]]


def one(name: str, text: str, *fragments: str) -> Broken:
    return Broken(name, text, [list(fragments)])


BROKEN: list[Broken] = [
    one("misspelt key", "[jobs]\nmax_queud = 5\n", ":2:", "jobs.max_queud = 5", '"max_queued"'),
    one("misspelt section", "\n[job]\nmax_queued = 5\n", ":2:", "job: ", '"jobs"'),
    one(
        "key of another section",
        "[daemon]\n\nmax_queued = 7\n",
        ":3:",
        "daemon.max_queued = 7",
        '"jobs.max_queued"',
    ),
    one("unknown key", "[store]\nzzzz = 1\n", ":2:", "store.zzzz = 1", "snapshot_interval, snapshots_kept"),
    one("key outside a section", "max_queued = 5\n", ":1:", "max_queued = 5", '"jobs.max_queued"'),
    one("dotted key misspelt", "jobs.kill_grase = 1\n", ":1:", "jobs.kill_grase = 1", '"kill_grace"'),
    one("quoted key misspelt", '[wire]\n"max_frames" = 1\n', ":2:", "wire.max_frames = 1", '"max_frame"'),
    one(
        "inline table misspelt",
        "store = { snapshot_kept = 2 }\n",
        ":1:",
        "store.snapshot_kept = 2",
        '"snapshots_kept"',
    ),
    one("array of tables", "[daemon]\n[[jobs]]\nmax_queued = 1\n", ":2:", "jobs = ", "must be a table"),
    one("value for a section", "jobs = 5\n", ":1:", "jobs = 5", "must be a table"),
    one(
        "text for a number",
        '[jobs]\nmax_queued = "many"\n',
        ":2:",
        'jobs.max_queued = "many"',
        "whole number from 1",
    ),
    one("number too small", "[jobs]\nmax_queued = 0\n", ":2:", "jobs.max_queued = 0", "from 1 to 1000000000"),
    one(
        "fraction for a whole number",
        "[wire]\nmax_requests = 1.5\n",
        ":2:",
        "wire.max_requests = 1.5",
        "whole number",
    ),
    one(
        "boolean for a number",
        "[store]\nsnapshots_kept = true\n",
        ":2:",
        "store.snapshots_kept = true",
        "from 1 to 1000",
    ),
    one(
        "unknown choice",
        '[daemon]\nlog_level = "inof"\n',
        ":2:",
        'daemon.log_level = "inof"',
        'mean "info"',
        '"debug"',
    ),
    one(
        "unknown unit of size",
        '[wire]\nmax_frame = "4Q"\n',
        ":2:",
        'wire.max_frame = "4Q"',
        "from 64KiB to 1GiB",
    ),
    one(
        "size out of range",
        '[wire]\nmax_frame = "1K"\n',
        ":2:",
        'wire.max_frame = "1K"',
        "from 64KiB to 1GiB",
    ),
    one(
        "unknown unit of time",
        '[jobs]\nkill_grace = "3 moons"\n',
        ":2:",
        'jobs.kill_grace = "3 moons"',
        "1h30m",
        "to 1d",
    ),
    one("negative time", "[daemon]\nstop_timeout = -1\n", ":2:", "daemon.stop_timeout = -1", "from 0s to 1d"),
    one("endless time", "[jobs]\nkill_grace = inf\n", ":2:", "jobs.kill_grace = inf", "finite"),
    one("no number at all", "[jobs]\ndefault_cpus = nan\n", ":2:", "jobs.default_cpus = nan", "finite"),
    one(
        "wrong word beside auto",
        '[resources]\ncores = "all"\n',
        ":2:",
        'resources.cores = "all"',
        '"auto"',
        "1 to 65536",
    ),
    one(
        "word for a list of GPUs",
        '[resources]\ngpus = "non"\n',
        ":2:",
        'resources.gpus = "non"',
        'mean "none"',
    ),
    one(
        "GPU twice",
        "[resources]\ngpus = [0, 1, 0]\n",
        ":2:",
        "resources.gpus = [0, 1, 0]",
        "0 is there more than once",
    ),
    one(
        "item on a line of its own",
        "[resources]\ngpus = [\n  0,\n  -1,\n]\n",
        ":4:",
        "resources.gpus[1] = -1",
        "from 0 to 1023",
    ),
    one("text for a list", '[access]\nadmin = "anna"\n', ":2:", 'access.admin = "anna"', "must be a list"),
    one("no user's name", '[access]\nadmin = ["anna", "a b"]\n', ":2:", 'access.admin[1] = "a b"', "@group"),
    one(
        "relative path",
        '[daemon]\nstate_dir = "state"\n',
        ":2:",
        'daemon.state_dir = "state"',
        "absolute path",
    ),
    one(
        "socket's path too long",
        f'[daemon]\nsocket = "/{"x" * 107}"\n',
        ":2:",
        "daemon.socket",
        "at most 107",
    ),
    one("table for a value", "[daemon.log_level]\nx = 1\n", ":1:", "daemon.log_level", "must be one of"),
    one(
        "variable that is not set",
        '[daemon]\nstate_dir = { env = "NO_SUCH" }\n',
        ":2:",
        "daemon.state_dir",
        "NO_SUCH is not set",
    ),
    one("misspelt plugins key", "[plugins]\nenable = []\n", ":2:", "plugins.enable", '"enabled"'),
    one("nothing after the equals sign", "[jobs]\nmax_queued =\n", ":2:13:", "not TOML", "nvalid value"),
    one("text without end", '[daemon]\nlog_level = "info\n', ":2:", "not TOML"),
    one("header without end", "[jobs\n", ":1:", "not TOML", "']'"),
    one("key twice", "[jobs]\nmax_queued = 1\nmax_queued = 2\n", ":3:", "not TOML", "overwrite"),
    one("section twice", "[jobs]\n[jobs]\n", ":2:", "not TOML", "twice"),
    one("array without end", "[resources]\ngpus = [0,\n", "not TOML"),
    one("nested without end", f"x = {'[' * 5000}\n", "not TOML"),
    one("number without end", f"[jobs]\nmax_queued = {'9' * 5000}\n", "not TOML"),
    Broken(
        "many at once",
        '[jobs]\nmax_queud = 5\nmax_queued = 0\n[daemon]\nlog_level = "inof"\n[wire]\nmax_frame = "x"\n',
        [[":2:", "max_queud"], [":3:", "max_queued = 0"], [":5:", "log_level"], [":7:", "max_frame"]],
    ),
]
