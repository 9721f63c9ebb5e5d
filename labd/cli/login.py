"""``labctl __login``: where a login lands and what it sets, asked by ``labctl -H`` before it submits."""

import os

from labd.cli import exits, output
from labd.environment import captured, split_undecodable


def tell() -> int:
    """Print ``cwd`` and ``env`` as one JSON object."""
    env, _ = split_undecodable(captured(os.environ))
    output.emit(cwd=os.getcwd(), env=env)
    return exits.OK
