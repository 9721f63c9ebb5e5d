"""The tables, as numbered migrations: number n (counted from 1) brings a file from version n-1 to n.

``PRAGMA user_version`` of a file says its version. A migration that was released never changes; the
next one is appended. Times are Unix seconds, ``record`` and ``data`` are JSON.
"""

Migration = tuple[str, ...]

FIRST: Migration = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL DEFAULT '',
        cause TEXT NOT NULL DEFAULT '', job INTEGER, data TEXT NOT NULL DEFAULT '{}')""",
    "CREATE INDEX events_of_job ON events (job) WHERE job IS NOT NULL",
    """CREATE TABLE jobs (
        id INTEGER PRIMARY KEY, key TEXT, uid INTEGER NOT NULL, user TEXT NOT NULL DEFAULT '',
        name TEXT NOT NULL DEFAULT '', state TEXT NOT NULL, live INTEGER NOT NULL, submitted REAL NOT NULL,
        record TEXT NOT NULL, UNIQUE (uid, key))""",
    "CREATE INDEX live_jobs ON jobs (id) WHERE live = 1",
    "CREATE INDEX jobs_by_state ON jobs (state)",
    "CREATE INDEX jobs_by_name ON jobs (name)",
    """CREATE TABLE attempts (
        job INTEGER NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (job, number)) WITHOUT ROWID""",
    "CREATE TABLE environments (digest TEXT PRIMARY KEY, data BLOB NOT NULL)",
)

ARRAYS: Migration = (
    "ALTER TABLE jobs ADD COLUMN array INTEGER",
    "ALTER TABLE jobs ADD COLUMN tasks INTEGER",
    "CREATE INDEX tasks_of_array ON jobs (array, state, id) WHERE array IS NOT NULL",
    "CREATE INDEX arrays ON jobs (id) WHERE tasks IS NOT NULL",
    "CREATE INDEX no_tasks ON jobs (id) WHERE array IS NULL",
    "CREATE INDEX ended_jobs ON jobs (state) WHERE live = 0 AND array IS NULL",
)
"""``array``: of which a row is a task. ``tasks``: how many an array has; those without a row wait as one."""

BLOB_OWNERS: Migration = (
    "CREATE TABLE blob_owners (uid INTEGER NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (uid, digest)) "
    "WITHOUT ROWID",
)

USAGE_DAYS: Migration = (
    """CREATE TABLE usage_days (
        day TEXT NOT NULL, user TEXT NOT NULL, grp TEXT NOT NULL,
        jobs INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL,
        cancelled INTEGER NOT NULL, running INTEGER NOT NULL, attempts INTEGER NOT NULL,
        core_seconds REAL NOT NULL, gpu_seconds REAL NOT NULL, memory_seconds REAL NOT NULL,
        cpu_seconds REAL NOT NULL, cpu_of REAL NOT NULL, peak REAL NOT NULL, peak_of REAL NOT NULL,
        PRIMARY KEY (day, user, grp)) WITHOUT ROWID""",
)
"""What jobs that were removed had used, by local day, user and group."""

OUTBOX: Migration = (
    """CREATE TABLE outbox (
        number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, target TEXT NOT NULL,
        tries INTEGER NOT NULL DEFAULT 0, ready_wall REAL NOT NULL DEFAULT 0,
        ready_boot REAL NOT NULL DEFAULT 0, ready_boot_id TEXT NOT NULL DEFAULT '', message TEXT NOT NULL)""",
    # what happened before there were notifications owes none
    "INSERT INTO meta(key, value) SELECT 'notices', coalesce(max(seq), 0) FROM events",
)

MIGRATIONS: tuple[Migration, ...] = (FIRST, ARRAYS, BLOB_OWNERS, OUTBOX, USAGE_DAYS)
