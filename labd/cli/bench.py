"""``labctl model bench``: ask a model as fast as some clients can, over the socket."""

import argparse
import threading
import time
from typing import Any

from labd.cli import exits, output
from labd.cli.connect import Connect
from labd.cli.modelled import milliseconds
from labd.errors import LabdError, UsageError

SIZES = {
    "BOOL": 1, "UINT8": 1, "UINT16": 2, "UINT32": 4, "UINT64": 8, "INT8": 1, "INT16": 2, "INT32": 4,
    "INT64": 8, "FP16": 2, "BF16": 2, "FP32": 4, "FP64": 8,
}  # fmt: skip


def run(args: argparse.Namespace, connect: Connect) -> int:
    """Ask, count, and say."""
    with connect() as client:
        view = client.call("model.show", {"model": args.name, "version": args.version})["model"]
    ask = {"model": args.name, "version": args.version, "inputs": [_zeros(one) for one in view["inputs"]]}
    if not ask["inputs"]:
        raise UsageError(f"model {args.name} does not say what it takes", hint="give it `inputs`")
    took: list[float] = []
    errors: list[LabdError] = []
    end = time.monotonic() + args.seconds
    clients = [
        threading.Thread(target=_client, args=(connect, ask, end, took, errors)) for _ in range(args.clients)
    ]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    return _say(args, sorted(took), errors)


def _client(
    connect: Connect, ask: dict[str, Any], end: float, took: list[float], errors: list[LabdError]
) -> None:
    try:
        with connect() as client:
            while time.monotonic() < end:
                began = time.perf_counter()
                try:
                    client.call("model.infer", ask)
                    took.append(time.perf_counter() - began)
                except LabdError as error:
                    errors.append(error)
                    time.sleep(0.01)
    except LabdError as error:
        errors.append(error)


def _say(args: argparse.Namespace, took: list[float], errors: list[LabdError]) -> int:
    found = {
        "model": args.name,
        "clients": args.clients,
        "requests": len(took),
        "errors": len(errors),
        "rate": len(took) / args.seconds,
        **{f"p{n}": took[min(len(took) * n // 100, len(took) - 1)] if took else None for n in (50, 90, 99)},
    }
    if args.json:
        output.emit(**found)
    else:
        times = ", ".join(f"p{n} {milliseconds(found[f'p{n}'])}" for n in (50, 90, 99))
        clients = "1 client" if args.clients == 1 else f"{args.clients} clients"
        output.show([f"{found['rate']:.0f} requests/s with {clients}, {times}"] if took else [])
    if errors:
        output.say(f"{len(errors)} requests failed; the last: {errors[-1].message}")
    return exits.OK if took else exits.FAILED


def _zeros(spec: dict[str, Any]) -> dict[str, Any]:
    """One row of zeros for an input."""
    if spec["datatype"] not in SIZES:
        raise UsageError(f"input {spec['name']!r} is {spec['datatype']}, which bench cannot make up")
    shape = [1, *(max(n, 1) for n in spec["shape"][1:])]
    size = SIZES[spec["datatype"]]
    for length in shape:
        size *= length
    return {"name": spec["name"], "datatype": spec["datatype"], "shape": shape, "data": bytes(size)}
