"""``labctl descartes``. Standard library only: labctl starts in a few milliseconds, and should go on to."""

import argparse
import json
import shlex
from collections.abc import Callable
from typing import Any

HELP = "what the SDK of Descartes Labs needs to speak with this labd: variables, with your token"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes to its *parser*."""
    parser.add_argument("--revoke", action="store_true", help="no token counts any more (role admin)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace, connect: Callable[[], Any]) -> int:
    """Print lines for ``eval``; the exit code."""
    with connect() as client:
        if args.revoke:
            client.call("descartes.revoke")
            return 0
        urls = [url for url in client.call("http.show")["urls"] if url.startswith("http")]
        if not urls:
            raise SystemExit("labctl: labd does not answer over HTTP; set http.enabled = true and restart it")
        found = variables(urls[0], client.call("descartes.token"))
    print(
        json.dumps(found)
        if args.json
        else "\n".join(f"export {k}={shlex.quote(v)}" for k, v in found.items())
    )
    return 0


def variables(url: str, given: dict[str, str]) -> dict[str, str]:
    """The environment of the SDK, of both of its generations."""
    return {
        "DESCARTESLABS_TASKS_URL": f"{url}/tasks/v1", "DESCARTESLABS_STORAGE_URL": f"{url}/storage/v1",
        "DESCARTESLABS_IAM_URL": url, "DESCARTESLABS_ENV": "gcp-production",
        "DESCARTESLABS_CLIENT_ID": given["client"], "DESCARTESLABS_CLIENT_SECRET": "none",
        "DESCARTESLABS_TOKEN": given["token"],
    }  # fmt: skip
