"""What the reference says and the code does not: the meaning of each field, event, answer and variable.

:mod:`docs.tables` puts these beside what it reads from the code, and refuses a name that is missing here
or no longer there.
"""

Words = dict[str, str]

STATES: Words = {
    "held": "does not start before somebody releases it",
    "blocked": "waits for the end of other jobs",
    "queued": "waits for its turn, its resources, its time to begin or the delay of a retry",
    "starting": "its resources are booked; its shim is being started",
    "running": "its shim runs, and so does its program",
    "paused": "its processes stand still; it keeps its cores, memory and GPUs",
    "succeeded": "its program ended with exit code 0",
    "failed": "its program ended with another exit code or by a signal, or could not be run",
    "cancelled": "somebody asked for its end",
    "timed_out": "it reached its time limit and was ended",
    "lost": "its shim is proved dead and left no record of an end",
}

JOB_VIEW: Words = {
    "id": "number of the job; newer jobs have higher ones",
    "name": "what it is called; need not be unique",
    "kind": "`command`, or a kind that a plugin offers",
    "state": "one of the states of [the table](events.md#states-and-transitions)",
    "user": "name of whoever submitted it",
    "uid": "their user id",
    "priority": "higher ones start first",
    "argv": "program and arguments; the arguments alone for a job with a script",
    "cwd": "folder that it runs in",
    "cpus": "cores that it takes; may be a fraction",
    "memory": "bytes of memory that it takes in the ledger, and may use; 0 for no limit",
    "gpus": "how many GPUs it takes; below 1 a part of one. 1 for a part by memory alone (`vram`)",
    "gpu_ids": "which GPUs the last attempt has or had; empty while it waits",
    "vram": "bytes of the memory of each of its GPUs that it takes, as far as it said so; else 0",
    "time_limit": "seconds that an attempt may run; null for no limit",
    "retries": "how often it is run again by itself after a failure",
    "retry_on": "only after these exit codes; empty for any failure",
    "begin": "when it may start at the earliest; null for any time",
    "after": "the jobs that it waits for, each a map with `job` and `when` (`ok`, `failed`, `any`)",
    "group": "what it belongs to, with others of that name; empty for none",
    "tags": "labels",
    "notify": "who is told of what, each a map with `target` and `when`",
    "attempt": "number of the last attempt; 0 before the first",
    "submitted": "when it was accepted",
    "started": "when the last attempt began; null while it waits",
    "ended": "when the job ended; null before that",
    "exit_code": "of the last attempt, once the job has ended; null after a signal",
    "signal": "number of the signal that ended it; null after an exit code",
    "reason": "why it is in its state, as far as there is something to say",
    "progress": "0 to 1, as the running attempt reported, in `job.show` also the last one; null for none",
    "metrics": "newest number of each name that it reported, in the same way",
    "eta": "seconds that the running attempt still takes, by its progress so far; null while nobody can say",
    "waiting_for": "what a job waits for that has not begun, in words; else empty",
    "tasks": "of an array: how many tasks wait, run, and have ended in each way; null for other jobs",
    "array": "of a task: the id of its array; null for other jobs",
    "index": "of a task: its index in its array; null for other jobs",
    "preemptible": "whether it gives way to jobs of a higher priority",
    "warning": "what is amiss with the GPUs that a running job holds, in words; else empty",
}

JOB_SPEC: Words = {
    "argv": "program and arguments; with `script` the arguments alone",
    "script": "text of a program that starts with `#!`, or of a shell script; kept with the job",
    "kind": "`command`, or a kind that a plugin offers",
    "params": "parameters of the kind; `command` takes none",
    "name": "what to call it",
    "cwd": "absolute path of the folder to run in",
    "env": "the whole environment of the job; labd adds [a few names](job-environment.md)",
    "cpus": "cores, fractions allowed; null: `jobs.default_cpus`",
    "memory": "bytes for all its processes together, 0 for no limit; null: `jobs.default_memory`",
    "gpus": "how many GPUs, or a part of one: below 1, in thousandths",
    "gpu_ids": "which GPUs, by index",
    "vram": "bytes of the memory of each GPU, which others may then share; 0: whole GPUs, or as `gpus` says",
    "time_limit": "seconds that an attempt may run, 0 for no limit; null: `jobs.default_time_limit`",
    "grace": "seconds between SIGTERM and SIGKILL; null: `jobs.kill_grace`",
    "retries": "how often to run again after `failed`, `timed_out` or `lost`",
    "retry_delay": "seconds before the first retry; doubles with each further one, to one hour at most",
    "priority": "higher ones start first; above 0 needs the role operate",
    "retry_on": "retry only after these exit codes, and after `lost`; empty: after any failure",
    "hold": "it does not start before `job.release`",
    "begin": "Unix seconds; it does not start before",
    "after": "jobs that must have ended, each a map with `job` (an id) and `when`: `ok` (the usual one), "
    "`failed` or `any`. One that ends in another way cancels this job",
    "group": "what it belongs to; `jobs.groups` limits how many of a group run at once",
    "tags": "labels",
    "array": "makes it [an array](../howto/arrays.md): a map with `ranges` (a list of `[first, last, step]`), "
    "`limit` (tasks at once, 0 for no limit), `items` (digest of a blob with a line for each task) and `json` "
    "(its lines are objects)",
    "preemptible": "it is ended and queued again when a job of a higher priority needs what it has",
    "notify": "who is told of what, each a map with `target` (a name of `notify.targets`) and `when`: `ended` "
    "(the usual one), `failed`, or [an event](events.md) without its `job.`",
    "code": "the tree that it runs in a copy of: `manifest` and `diff` (digests of blobs), `root` (where the "
    "tree was), `files` and `bytes` (of its files), `commit`, `branch`, `remote`",
}

MAP_VIEW: Words = {
    "id": "number of the map; newer maps have higher ones",
    "name": "what it is called; need not be unique, and means the newest",
    "function": "`module:name`, or the name of a function whose text was sent",
    "state": "`open` (its arguments still come), `running`, `succeeded`, `failed` (also when one call failed), "
    "`cancelled`",
    "user": "name of whoever submitted it",
    "uid": "their user id",
    "total": "how many calls it is",
    "succeeded": "calls whose result is on the disk",
    "failed": "calls whose error is on the disk",
    "in_work": "calls that workers have now",
    "repeated": "how often a call was begun once more",
    "workers": "processes that make its calls now",
    "rate": "calls a second, over the last half minute; null while nobody can say",
    "eta": "seconds that it still takes; null while nobody can say",
    "created": "when it was accepted",
    "ended": "when it ended; null before that",
    "reason": "why it is in its state, as far as there is something to say",
    "error": "what ended it as a whole, a map with `type` and `traceback`; else null",
    "round": "how often it was retried: results of an older round are read from the start again",
    "grouped_results": "whether a result that is a list is one result to `labctl map values`",
    "engine": "where its calls are made; `local` is in workers of labd",
}

MAP_SPEC: Words = {
    "function": "`module:name`, found in `cwd` and `path` first; with `source` a name in that text",
    "source": "text of Python that defines the function",
    "name": "what to call it",
    "kwargs": "arguments by name that every call gets",
    "range": "`[first, last, step]`: a call for each number. Else each call has a line of arguments",
    "data": "files that come along, by their path: the digests of their pieces, which `blob.put_all` took",
    "sandbox": "`limits`, `isolated` or `isolated+net`: what workers may do and see",
    "modules": "imported once, before workers are forked",
    "requirements": "lines as pip takes them; there is one virtual environment for each set",
    "python": "absolute path of the interpreter; empty: that of labd",
    "cwd": "absolute path of the folder that workers run in",
    "path": "folders that modules are looked for in, after `cwd`",
    "env": "the whole environment of the workers",
    "cpus": "cores of each worker",
    "memory": "bytes that a worker may use with all its processes, 0 for no limit",
    "gpus": "GPUs of each worker",
    "time_limit": "seconds that one call may take, 0 for no limit",
    "concurrency": "workers at most; 0: `plugins.fanout.workers`, else the cores of the machine",
    "retries": "how often a call that failed is made again",
    "grouped_results": "`labctl map values` leaves a list as it is",
    "keep_arguments": "each result has its arguments as `args`",
    "engine": "where calls are made: `local`, in workers of labd, or the name of what a plugin offers",
    "repeat": "whether a call that may have been made, and was lost with its worker, is made again",
}

MODEL_VIEW: Words = {
    "name": "what it is called",
    "version": "which version this is",
    "state": "`loading`, `ready` (a worker of it has answered, and lives), `failed`, `unloading`, `unloaded`",
    "reason": "why it is not ready, as far as there is something to say",
    "platform": "what runs it: `python`, `numpy`, `onnxruntime_onnx`, `tensorflow_savedmodel`, `pipeline`",
    "inputs": "what it takes: maps with `name`, `datatype` (of the Open Inference Protocol) and `shape`; -1 is any "
    "length, and the first axis is the batch. Empty: it does not say",
    "outputs": "what it gives, in the same form",
    "max_batch_size": "rows of a request, or of several together, at most",
    "workers": "processes that it is to have",
    "ready_workers": "processes that can answer",
    "newest": "whether requests without a version go to it",
    "pipeline": "the models that it is made of, in their order",
    "streaming": "whether it answers in pieces",
}

MODEL_STATISTICS: Words = {
    "name": "the model",
    "version": "its version",
    "requests": "what came, since this version was loaded",
    "succeeded": "requests that were answered",
    "failed": "requests at which the model, or a worker, failed",
    "expired": "requests whose time ran out",
    "cancelled": "requests that nobody waited for any more",
    "refused": "requests that were not taken",
    "refusals": "the same by code: a map of numbers",
    "cached": "answers from the cache; they are in `succeeded`",
    "batches": "batches that workers had",
    "split": "requests that were repeated alone, since their batch had failed",
    "retried": "requests that were repeated, since their worker had died",
    "rows": "rows of all batches",
    "bytes_in": "bytes of tensors that came",
    "bytes_out": "bytes of tensors that went",
    "queued": "requests that wait now",
    "queued_bytes": "bytes of their tensors",
    "oldest": "seconds that the oldest of them waits",
    "in_flight": "requests that workers have now",
    "last": "when the last batch ended, by the clock of the loop",
    "latency": "from arrival to answer: a map with `count`, `seconds` (the sum), `bounds` and `counts`; a count for "
    "each upper bound, and one for what took longer",
    "waiting": "from arrival to a worker, in the same form",
    "computing": "what batches took, in the same form",
    "batch_sizes": "for each number of rows, how many batches had so many",
    "released": "why batches went: `full`, `idle` (a worker was), `wait` (`max_wait` was over)",
    "workers": "maps with `name`, `pid`, `state`, `device` (a GPU, -1 for none), `batches`, `items`, `restarts` and "
    "`busy_seconds`",
    "custom": "what the model's code recorded: the mean of the last 1000 of each name",
}

MODEL_SPEC: Words = {
    "loader": "what loads it: `python`, `numpy`, `onnx`, `tensorflow`, or one that a plugin offers",
    "target": "for `python`: `module:Class`",
    "path": "folders that its module is looked for in",
    "arguments": "what the loader, or the class, is given",
    "version": "its version; empty: the one that is there, else 1",
    "pipeline": "models that it is made of, instead of code: outputs of one are inputs of the next",
    "inputs": "what it takes, where its code does not say: maps with `name`, `datatype`, `shape`",
    "outputs": "what it gives, in the same form",
    "python": "absolute path of the interpreter; empty: that of labd",
    "env": "environment of its workers",
    "warm": "modules that a template process imports once for all workers",
    "user": "whom its workers run as; empty: labd's own user. Under root whoever loads it",
    "sandbox": "how far its workers are [walled off](../howto/workers.md#limits-and-walls)",
    "read": "paths that an isolated worker may read",
    "write": "paths that an isolated worker may write",
    "workers": "processes of it",
    "max_batch_size": "rows that go to a worker together, at most",
    "max_wait": "seconds that an idle worker waits for more rows",
    "timeout": "seconds that a request may take from its arrival, unless it says so itself",
    "predict_timeout": "seconds that a batch may take, 0 for any; then its worker is ended",
    "load_timeout": "seconds for a worker to be ready, with its wait for what it leases",
    "max_queue": "requests that may wait, 0 for any number",
    "max_queue_bytes": "bytes that may wait, 0 for any number",
    "max_request_bytes": "bytes of one request, 0 for any number",
    "priority": "of requests that say none: 1 is the highest, 100 the lowest",
    "retries": "how often a request may be repeated, alone: when its batch failed, or its worker died. 0: never",
    "cache_bytes": "answers to remember, 0 for none",
    "cpus": "cores of each worker",
    "memory": "bytes that each worker may use",
    "gpus": "GPUs of each worker, also a part of one",
    "gpu_memory_fraction": "the part of a GPU's memory that a worker is to have",
    "device_map": "the GPU of each worker by index, -1 for the CPU; used again from the start",
    "shared": "bytes of shared memory with each worker, each way",
    "warm_up": "whether a worker answers once before it counts as ready",
}

ATTEMPT: Words = {
    "number": "counts from 1 within the job",
    "state": "`starting`, `running`, `paused`, `never_began`, or the way it ended",
    "cause": "why there is this attempt: `submitted`, or how the one before ended",
    "gpu_ids": "GPUs that it holds or held",
    "started": "when it began",
    "ended": "when its main process ended, by the clock of its shim",
    "seconds": "how long it ran, by a clock that no change of the wall clock moves",
    "exit_code": "of its main process; null after a signal",
    "signal": "that ended its main process",
    "reason": "how it ended, in words",
    "user_seconds": "processor time of all its processes, in user mode",
    "system_seconds": "the same in the kernel",
    "max_rss": "bytes of memory that its largest process held",
    "peak_memory": "the most that all its processes held together, in bytes; null where nobody counted",
    "folder": "where its files are",
    "log": "path of its output",
}

EVENT: Words = {
    "seq": "number; grows by one. 0 for notices that are not in the log",
    "time": "when, Unix seconds",
    "kind": "what happened",
    "actor": "who: a user's name, `labd`, or `plugin NAME`",
    "cause": "why, in words; may be empty",
    "data": "a map; its keys depend on the kind",
}

REPORT: Words = {
    "time": "when, Unix seconds",
    "progress": "0 to 1; null when the report says nothing of it",
    "step": "where on the x axis the metrics belong; null: one more than the last",
    "metrics": "numbers by name; null for one that is not finite",
    "message": "one line for people; may be empty",
    "artifact": "a result: a map with `path` (absolute, or relative to the job's `cwd`), `name` and `size`; "
    "null for none",
}

PLUGIN: Words = {
    "name": "the name in its entry point, and of its table `[plugins.NAME]`",
    "version": "of its distribution",
    "distribution": "what pip calls the package that it came in",
    "api": "plugin API that it was written for; null while it is not imported",
    "module": "the module of its entry point",
    "names": "what the names of its methods and events may begin with, besides its own",
    "hooks": "the hooks that it implements, with their whole names",
    "state": "`loaded`, `disabled`, `failed` (an error), `incompatible` (needs a newer labd), or `broken` (a "
    "service of it failed too often)",
    "error": "why it is not loaded, or what is broken; one line, or empty",
    "services": "each with `name`, `state`, `since`, `restarts` and `last_error`",
    "restarts": "of all its services together, since it was last loaded, like what follows",
    "faults": "how often a method, a job kind or a notifier of it raised what is no answer",
    "last_fault": "the last such thing in one line, or empty",
    "stalls": "how often it held the daemon's loop for longer than `daemon.stall_limit`",
    "worst_stall": "the longest of these, in seconds",
    "trace": "whether its calls are logged",
}

_RESULT = (
    "job attempt exit_code signal started ended seconds user_seconds system_seconds max_rss peak_memory again"
)
_READY = "ready_wall ready_boot ready_boot_id"
_PLUGIN = "plugin release error"
_SERVICE = "name owner state since restarts critical last_error"

_MAP = "map name user state total succeeded failed"

EVENTS: dict[str, tuple[str, str]] = {
    "job.submitted": ("a job was accepted; a rebuilt one says when", f"job uid gid user spec submitted {_READY}"),
    "job.array_started": ("a task of an array has begun, or one is repeated after its end", "job attempt"),
    "job.array_repeated": ("all tasks that a retry of their array repeats have begun", "job"),
    "job.array_closed": ("no more tasks of an array begin: somebody cancelled it", "job attempt"),
    "job.held": ("somebody keeps it from starting", "job"),
    "job.released": ("somebody let a held job go", "job"),
    "job.blocked": ("it waits for the end of other jobs", "job"),
    "job.unblocked": ("the jobs that it waited for have ended as they should", "job"),
    "job.prioritised": ("a waiting job got another priority; `cause` names the old one", "job priority"),
    "job.starting": ("resources are booked, an attempt begins", "job attempt gpu_ids"),
    "job.started": ("its shim runs", "job attempt started"),
    "job.adopted": ("found running after a restart of labd", "job attempt started"),
    "job.never_began": ("the attempt provably did not start; the job waits again", f"job attempt {_READY}"),
    "job.paused": ("somebody stopped its processes where they are", "job"),
    "job.resumed": ("somebody let a paused job go on", "job"),
    "job.requeue_requested": ("somebody asked for another attempt instead of the present one", "job attempt"),
    "job.cancel_requested": ("somebody asked for the end of a running job", "job attempt"),
    "job.succeeded": ("ended with exit code 0", _RESULT),
    "job.failed": (
        "ended in another way, or could not be run; here as elsewhere `again` says that another attempt follows",
        _RESULT,
    ),
    "job.timed_out": ("ended by its time limit", _RESULT),
    "job.lost": ("its shim died without a record", _RESULT),
    "job.cancelled": (
        "ended because somebody asked, or because a job before it did not end as it should",
        _RESULT,
    ),
    "job.queued": (
        "will be run again; `automatic` says whether by a retry of its own, `repeated` whether with its array",
        f"job automatic repeated {_READY}",
    ),
    "job.reported": (
        "a running job reported; not in the log, `seq` is 0",
        "job attempt time progress step metrics message artifact",
    ),
    "daemon.started": ("labd is ready", "pid labd epoch"),
    "daemon.stopping": ("labd was told to stop", "reason"),
    "daemon.reloaded": (
        "the configuration was read again; `plugins` are those that changed with it, and the settings in "
        "`needs_restart` wait for a restart",
        "needs_restart plugins",
    ),
    "plugin.enabled": ("a plugin was loaded while labd runs", _PLUGIN),
    "plugin.disabled": ("a plugin was withdrawn; `error` says by whom or why", _PLUGIN),
    "plugin.reloaded": ("a plugin began anew, with other code or other settings", _PLUGIN),
    "plugin.failed": ("a plugin that was to be loaded or ended could not be", _PLUGIN),
    "daemon.stalled": ("a task held the loop for longer than `daemon.stall_limit`", "task seconds"),
    "machine.sampled": (
        "what the machine does, every two seconds; for those alone who subscribe to `machine.*`, not kept",
        "cpu cores load memory memory_used disks",
    ),
    "notify.sent": ("a target was told what happened to a job", "job notice target event tries"),
    "notify.failed": (
        "a target could not be told, and is not tried again; `cause` says why",
        "job notice target event tries",
    ),
    "gpu.unhealthy": ("a GPU is in trouble, or its driver is; no new job gets it", "gpu name uuid held_by"),
    "gpu.gone": ("the driver does not list a GPU any more; no new job gets it", "gpu name uuid held_by"),
    "gpu.back": ("a GPU is well again", "gpu name uuid held_by"),
    "service.backoff": ("a service failed and will be started again", _SERVICE),
    "service.starting": ("a service that had failed starts again", _SERVICE),
    "service.ready": ("a service that had failed is ready again", _SERVICE),
    "service.failed": ("a service failed too often and stays down", _SERVICE),
    "service.stopped": ("a service that had failed was stopped", _SERVICE),
    "worker.lost": ("a worker ended, and nobody had asked for that", "plugin worker pid reason"),
    "worker.failed": (
        "the workers of a pool ended too often and stay down",
        "plugin pool restarts last_error",
    ),
    "map.submitted": ("a map was accepted", _MAP),
    "map.progress": ("calls of a map are done; at most twice a second, and not kept", f"{_MAP} eta"),
    "map.retried": ("the calls of a map that did not succeed are made again", f"{_MAP} calls"),
    "map.ended": ("a map has ended", _MAP),
    "model.ready": ("a version of a model can answer", "model version reason"),
    "model.failed": ("a version of a model does not come up", "model version reason"),
    "model.unloaded": ("a version of a model is not served any more", "model version reason"),
    "store.repaired": (
        "the database was damaged; it was set aside and restored, `known` is the highest job in it then",
        "set_aside restored_from cause known",
    ),
    "store.collected": (
        "what was over the limits of retention is removed; so many of each, and bytes",
        "jobs folders events environments blobs bytes",
    ),
    "store.restored": (
        "the first start on a state that `labd restore` made: of which backup, and which jobs are lost since they "
        "ran when it was made",
        "file made host labd state_dir restored hold lost",
    ),
    "store.healed": ("the store works again; it had refused work for so many seconds", "cause seconds"),
}

_WOULD = "only for a dry run: the events that would follow, maps with `kind` and `job`"

_CHANGED: Words = {
    "plugin": "[the plugin](json-shapes.md#plugin) as it is now", "changed": "false when there was nothing to do",
    "would": "only for a dry run: the steps, maps with `do` and `what`; else null",
}
_STREAM: Words = {
    "map": "the map as it is now", "data": "bytes of ndjson, cut anywhere", "offset": "where to go on",
    "ended": "true when no more will come",
}  # fmt: skip

ANSWERS: dict[str, Words] = {
    "blob.get": {
        "data": "bytes of the blob", "offset": "where to go on", "size": "bytes of the whole blob",
    },
    "blob.missing": {"missing": "those that are not there, or that the caller has never put"},
    "blob.put": {
        "upload": "name of the upload for the pieces to come; null when it is closed",
        "digest": "SHA-256 of all its bytes, once it is closed; else null", "size": "bytes so far",
    },
    "blob.put_all": {"digests": "SHA-256 of each, in order"},
    "daemon.doctor": {"checks": "maps with `name`, `state` (`ok`, `warn`, `fail`), `message`, `hint`"},
    "daemon.reload": {
        "needs_restart": "changed settings that only a restart takes up",
        "plugins": "names of the plugins that were loaded, withdrawn or begun anew",
    },
    "daemon.status": {
        "labd": "version", "epoch": "name of this life of the event log", "pid": "process id of the daemon",
        "state": "`running` or `stopping`", "uptime": "seconds", "state_dir": "path", "socket": "path",
        "config": "files that were read", "jobs": "how many are in each state",
        "resources": "what the ledger has and what is held", "store": "the database in numbers",
        "repair": "what was repaired, until the note of it is removed, or null", "services": "each with its state",
        "plugins": "how many are in each state", "connections": "of clients: now, served, refused",
        "events": "the log in numbers", "stalls": "how often a task held the loop, and the worst",
        "trouble": "what an admin should look at, one line each",
    },
    "daemon.stop": {},
    "event.list": {
        "events": "the events, in order", "oldest": "first number in the log", "last": "last number",
    },
    "http.show": {
        "enabled": "whether labd is to answer over HTTP", "urls": "where it does",
        "problem": "why it does not, though it is to; else empty",
    },
    "http.token": {"token": "the caller's token", "user": "their name"},
    "job.cancel": {"job": "the job as it is now", "would": _WOULD},
    "job.code": {"job": "its id", "code": "its frozen code, as in the job's description"},
    "job.defaults": {
        "snapshot_groups": "groups whose jobs freeze their code unasked",
        "max_snapshot": "bytes that a tree of frozen code may have",
    },
    "job.find": {"ids": "a number for each reference, in order"},
    "job.hold": {"job": "the job as it is now", "would": _WOULD},
    "job.list": {
        "jobs": "those that match: the newest first, or with the order `start` those that start first",
        "counts": "how many jobs are in each state",
    },
    "job.log": {
        "data": "bytes of the output", "offset": "where to go on", "size": "bytes that there are now",
        "end": "true when no more will come", "attempt": "which attempt this is",
    },
    "job.metrics": {
        "attempt": "which attempt this is", "names": "of all metrics that it reported, 256 at most",
        "series": "by name, a map with `steps`, `times` (Unix seconds, null where a report had none) and "
        "`values`, thinned so that the ends and every extreme are there; `count` and `not_finite` are how many "
        "values were reported. Without `names` in the question: of the first 64",
    },
    "job.pause": {"job": "the job as it is now", "would": _WOULD},
    "job.prioritise": {"job": "the job as it is now", "would": _WOULD},
    "job.release": {"job": "the job as it is now", "would": _WOULD},
    "job.reports": {"attempt": "which attempt this is", "reports": "the first of them (64 KiB), in order"},
    "job.requeue": {
        "job": "the job as it is now: it is queued again when its processes have ended", "would": _WOULD,
    },
    "job.resume": {"job": "the job as it is now", "would": _WOULD},
    "job.retry": {"job": "the job as it is now", "would": _WOULD},
    "job.show": {
        "job": "the job", "attempts": "its attempts, oldest first",
        "env": "its environment; null for those who may not read it",
        "script": "its script; null when there is none, and for those who may not read it",
        "task": "the line that it was given, of a task of an array; null else, and for those who may not read it",
        "code": "its frozen code, in the same way",
        "artifacts": "the results that its last attempt named: maps with `name`, `path` and `size` (bytes or "
        "null)",
    },
    "job.submit": {
        "job": "the job; null for a dry run", "created": "false when the key had been used before",
        "spec": "only for a dry run: the spec that would run",
    },
    "job.usage": {
        "by": "what the rows are for", "since": "from when", "until": "up to when",
        "rows": "the most core-seconds first, days in order: maps with `key` and the fields of `total`",
        "left_out": "rows beyond the limit",
        "total": "`jobs`, `succeeded`, `failed` (also timed out and lost), `cancelled`, `running`, `attempts`; "
        "`core_seconds`, `gpu_seconds`, `memory_seconds` (bytes times seconds) that were held; `cpu_seconds` of "
        "processor time; `cpu_efficiency` and `memory_efficiency` (0 to 1) and `median_wait` (seconds), null "
        "where not known",
    },
    "job.tasks": {
        "job": "the array", "tasks": "those with a record of their own, by their `position`, as jobs",
        "untouched": "those to which nothing has happened: maps with `first`, `last`, `count`, `state`",
    },
    "job.wait": {"jobs": "the jobs, all of them ended"},
    "job.why": {
        "job": "the job", "reasons": "what it waits for, a sentence each",
        "held_by": "who holds cores, memory and GPUs, while it waits in the queue: maps with `holder`, "
        "`cpus`, `memory`, `gpus`, `gpu_ids`, `vram` and `ends` (the latest end; null for none known)",
    },
    "map.cancel": {"map": "the map as it is now"},
    "map.extend": {"map": "the map as it is now", "size": "bytes of arguments that there are"},
    "map.gc": {
        "dry_run": "as asked", "maps": "how many went, or would", "bytes": "of their files",
    },
    "map.list": {"maps": "those in one of the states, the newest first"},
    "map.logs": _STREAM,
    "map.results": _STREAM,
    "map.retry": {"map": "the map as it is now", "calls": "how many are made again"},
    "map.show": {
        "map": "the map", "spec": "as it was submitted, without its environment",
        "trouble": "why nothing can be recorded now; else empty",
    },
    "map.submit": {"map": "the map; the one of before where the key was used before"},
    "map.wait": {"map": "the map, once it has ended"},
    "model.infer": {
        "model": "which model", "version": "which version answered", "id": "as asked",
        "outputs": "maps with `name`, `datatype`, `shape` and `data` (bytes, little endian, row-major)",
        "parts": "with `stream`: how many notices `model.part` came before, each with `model`, `version`, `outputs`",
    },
    "model.list": {"models": "every version of every model, by name"},
    "model.load": {"model": "the model, ready"},
    "model.reload": {"model": "the model, ready"},
    "model.scale": {"model": "the model as it is now"},
    "model.show": {"model": "the model", "spec": "how it is loaded, without its environment"},
    "model.stage": {"staged": "what to call it in `model.infer`, and in the next piece; for a minute"},
    "model.stats": {"models": "the numbers of each version that is loaded"},
    "model.unload": {"model": "the model as it is now"},
    "store.gc": {
        "dry_run": "as asked",
        "went": "what went, or would: how many `jobs` (with tasks), `folders`, `events`, `environments`, `blobs`; "
        "`bytes` of folders and blobs",
        "left": "jobs (an array is one) and lone folders that are still to go: ask again until it is 0",
        "kept": "folders that could not be removed, each with the reason",
    },
    "methods": {"methods": "a list of maps with `name`, `doc`, `role`, `params` (JSON Schema)"},
    "notify.list": {
        "targets": "maps with `name`, `kind`, `waiting` (notices that are owed), `error` (of the last try, or why "
        "there can be none; else empty)",
    },
    "notify.test": {
        "target": "the target that was tried", "sent": "whether the message was delivered",
        "error": "why not, else empty", "seconds": "how long it took",
    },
    "plugin.config": {
        "plugin": "its name", "settings": "maps with `key`, `value`, `default`, `required`, `origin`, `accepts` and "
        "`doc`; secrets are `***`",
    },
    "plugin.disable": _CHANGED,
    "plugin.enable": _CHANGED,
    "plugin.hooks": {"hooks": "maps with `name`, `signature`, `doc` and `plugins`, the loaded ones that use it"},
    "plugin.list": {
        "api": "the plugin API of this labd", "plugins": "each as [a plugin](json-shapes.md#plugin)",
    },
    "plugin.reload": _CHANGED,
    "plugin.trace": {"plugin": "the plugin as it is now"},
}  # fmt: skip

ENVIRONMENT: Words = {
    "LABD_JOB_ID": "the job's id",
    "LABD_ATTEMPT": "number of the attempt, from 1: more than 1 means that there was a run before",
    "LABD_RUN_DIR": "a folder of the job's own, empty when the attempt begins; kept with its output",
    "LABD_REPORT": "file to append reports to, one JSON map a line; `labd.report` does it",
    "LABD_TOKEN": "random text; labd finds left-over processes of the attempt by it. Leave it in place",
    "LABD_CPUS": "cores that the job was given; set `OMP_NUM_THREADS` and the like from it",
    "LABD_ARRAY_ID": "id of its array; only of a task",
    "LABD_TASK_INDEX": "its index in its array; only of a task",
    "LABD_TASK_COUNT": "how many tasks its array has; only of a task",
    "LABD_TASK": "its line of the file; only of a task of an array with `--each-line` or `--each-json`",
    "LABD_CODE_DIR": "copy of the frozen code; only for jobs with `--snapshot`",
    "LABD_SOCKET": "socket of the daemon, so that `labctl` works inside the job",
    "CUDA_VISIBLE_DEVICES": "its GPUs, as their driver counts them; empty for a job without. This and the next "
    "two are set only where labd has GPUs",
    "CUDA_DEVICE_ORDER": "`PCI_BUS_ID`: CUDA counts as its driver does",
    "NVIDIA_VISIBLE_DEVICES": "the same GPUs for containers; `void` for a job without",
    "ROCR_VISIBLE_DEVICES": "its GPUs of AMD's. This and the next one are set only where there are such",
    "HIP_VISIBLE_DEVICES": "what HIP sees of them: all, from 0",
    "LABD_GPU_FRACTION": "the part of a GPU that it was given; only for a job that asked for a part",
    "LABD_VRAM": "bytes of the memory of each GPU that are its own; only for a job that shares",
    "TF_FORCE_GPU_ALLOW_GROWTH": "`true` for a job that shares a GPU, unless it sets this itself: TensorFlow "
    "then does not take all of the memory",
    "XLA_PYTHON_CLIENT_MEM_FRACTION": "nine tenths of its part of the memory, for JAX, in the same way",
}

PROMISES: dict[int, str] = {
    1: "An acknowledged submission is on the disk. A power cut does not lose it.",
    2: "Kill the daemon at any moment: no accepted job is lost, running jobs go on, their ends are recorded.",
    3: "The same at every single step of submitting, launching and ending.",
    4: "No attempt runs twice. A rerun is a new attempt with a reason.",
    5: "Submitting again with the same key gives the same job.",
    6: "A job that ends while labd is down is recorded with its own end time and exit status.",
    7: "A job never waits for the daemon: its output goes to a file.",
    8: "When a shim dies, its job is `lost` with a cause, and what it left is ended before a retry.",
    9: "labd never signals a process that it did not start, whatever happened to pids.",
    10: "Cancel ends the whole tree within the grace time and two seconds.",
    11: "No GPU is held by two jobs, over any number of crashes.",
    12: "Order, priorities, holds and the delays of retries survive a restart.",
    13: "One daemon for a state directory. After a kill the next one starts without help.",
    14: "No client can end or hold up the daemon, whatever it sends.",
    15: "Without file descriptors labd lives, refuses and recovers.",
    16: "A slow listener costs bounded memory, is told what it missed, and can resume.",
    17: "A full disk refuses new work, harms no running job, and heals by itself.",
    18: "After an fsync error nothing is acknowledged until the store was opened and checked again.",
    19: "A damaged store never becomes a silent empty queue: jobs that had begun are rebuilt from their folders.",
    20: "The state of every older version loads. A newer one is refused. A copy is made before a change.",
    21: "Jobs of shims of an older version are taken up.",
    22: "`READY=1` means recovered and listening. The watchdog is fed only after a proof of health.",
    23: "SIGTERM stops in time and leaves jobs running. A second one hurries.",
    24: "A reload with a mistake changes nothing and names every mistake.",
    25: "With socket activation no client is refused during a restart.",
    26: "A jump of the wall clock fires no timeout and reorders nothing.",
    27: "Over a long time, memory, descriptors and processes stay flat.",
    28: "A plugin that fails disturbs nobody else.",
    29: "A task that holds the loop is named.",
    34: "Whatever dies, each request to a model has one answer, its own, or an error before its deadline.",
    35: "More requests than fit are refused at once, and none whose time is over is computed.",
    36: "Every change is an event. Replaying the events gives the state.",
    37: "The disk stays bounded, and unfinished work is never removed.",
}
