"""Imported last into a template: which files it has loaded, and what they were like then."""

import sys

from labd.plugins.fanout.child import mark_of

MARKS = {
    path: mark_of(path)
    for module in list(sys.modules.values())
    if isinstance(path := getattr(module, "__file__", None), str)
}
