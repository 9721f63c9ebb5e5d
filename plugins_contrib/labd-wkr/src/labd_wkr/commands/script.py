"""The script that ``-make`` prints: plain sh, everything quoted."""

import shlex
import sys
from dataclasses import dataclass

TEXT = r"""#!/bin/sh
# Starts and stops the service NAME. Made by COMMAND; make it anew to change it.
service=@service
folder=@folder
log=logs/std.log

ask() { @ask "$@"; }

cd "$folder" || exit 1
pidfile="$service.pid"

say() { printf '%-50s' "$1"; }

lives() {
    [ -s "$pidfile" ] && pid=$(cat "$pidfile") && kill -0 "$pid" 2>/dev/null &&
        ! grep -qs '^State:.*Z' "/proc/$pid/status"
}

start() {
    say "Starting $service..."
    if lives; then echo "Fail: it runs already, as $(cat "$pidfile")"; return 1; fi
    mkdir -p logs
    setsid @start >"$log" 2>&1 </dev/null &
    echo $! >"$pidfile"
    if said=$(ask @wait -pid $!); then echo Ok; return 0; fi
    echo "Fail: $said; see $folder/$log"
    lives || rm -f "$pidfile"
    return 1
}

stop() {
    say "Stopping $service..."
    if ! lives; then rm -f "$pidfile"; echo "Ok: it does not run"; return 0; fi
    ask @stop || kill -TERM "$pid" 2>/dev/null
    count=0
    while lives; do
        if [ $count -ge @patience ]; then echo "Fail: it still runs as $pid; stopf ends it"; return 1; fi
        count=$((count + 1))
        sleep 0.1
    done
    rm -f "$pidfile"
    echo Ok
}

stopf() {
    say "Killing $service..."
    if ! [ -s "$pidfile" ]; then echo "Fail: pidfile not found"; return 1; fi
    kill -KILL "-$(cat "$pidfile")" 2>/dev/null
    rm -f "$pidfile"
    echo Ok
}

case "$1" in
    start) start ;;
    stop) stop ;;
    stopf) stopf ;;
    restart) stop && start ;;
    status) ask @status ;;
    *) echo "Usage: sh $0 {start|stop|stopf|restart|status}"; exit 1 ;;
esac
"""

PATIENCE = 600
"""Tenths of a second that ``stop`` waits for what is in work."""


@dataclass(frozen=True)
class Script:
    """The service *name*: *command* with *target* and *flags*, and what is asked of ``labd_wkr``."""

    name: str
    command: str
    target: str
    flags: list[str]
    wait: str
    status: str
    stop: str
    folder: str

    def text(self) -> str:
        """The script."""
        python = [sys.executable, "-m", "labd_wkr"]
        holes = {
            "@service": shlex.quote(self.name),
            "@folder": shlex.quote(self.folder),
            "@ask": shlex.join(python),
            "@start": shlex.join([*python, self.command, self.target, *self.flags]),
            "@wait": self.wait,
            "@status": self.status,
            "@stop": self.stop,
            "@patience": str(PATIENCE),
        }
        text = TEXT.replace("NAME", self.name.replace("\n", " ")).replace("COMMAND", self.command)
        for hole, value in holes.items():
            text = text.replace(hole, value)
        return text
