"""The generated parts about the plugin API: signatures and words exactly as the source has them."""

import ast
import inspect
import textwrap
from types import ModuleType
from typing import TypeGuard

from docs.tables import table
from docs.users import users
from labd import api
from labd.api import hookspecs, http, jobs, methods, metrics, node, notify, services, serving, workers
from labd.errors import LabdError

TYPES = (services, methods, jobs, notify, http, node, workers, serving, metrics)

ELSEWHERE = ("JobSpec", "JobView")
"""Classes that have a table of their own, in json-shapes.md."""


def hooks() -> str:
    """Every hook: its signature, its docstring with the example as code, and who uses it."""
    found = [item for item in _class(hookspecs, "LabdHooks").body if isinstance(item, ast.FunctionDef)]
    return "\n\n".join(map(_hook, found))


def _hook(item: ast.FunctionDef) -> str:
    used = ", ".join(f"[{name}](../../{path})" for name, path in users(item.name).items())
    return f"### {item.name}\n\n{_code(_signature(item))}\n\n{_prose(item)}\n\nUsed by {used}."


def offered() -> str:
    """What ``labd.api`` exports, each in one line."""
    rows = [[f"`{name}`", _first_line(name)] for name in api.__all__ if name not in ("LABD_API", "hookimpl")]
    rows = [["`LABD_API`", f"version of this API: {api.LABD_API}"], ["`hookimpl`", "marks a hook"], *rows]
    return table(["name", "what it is"], rows)


def types() -> str:
    """The classes of ``labd.api``, as their source has them."""
    found = [item for module in TYPES for item in ast.parse(inspect.getsource(module)).body]
    return "\n\n".join(f"### {item.name}\n\n{_class_text(item)}" for item in found if _is_shown(item))


def _is_shown(item: ast.stmt) -> TypeGuard[ast.ClassDef]:
    return isinstance(item, ast.ClassDef) and item.name in api.__all__ and item.name not in ELSEWHERE


def _class_text(item: ast.ClassDef) -> str:
    doc = _markdown(ast.get_docstring(item) or "")
    return f"{doc}\n\n{_code(_members(item))}"


def _members(item: ast.ClassDef) -> str:
    """The class with its fields and the signatures of its methods."""
    bases = ", ".join(ast.unparse(base) for base in item.bases)
    lines = [f"class {item.name}({bases}):"]
    for part in item.body:
        if isinstance(part, ast.AnnAssign | ast.Assign):
            lines.append(textwrap.indent(ast.unparse(part), "    "))
        elif isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef):
            lines += textwrap.indent(_method(part), "    ").splitlines()
    return "\n".join(lines)


def _method(item: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    doc = (ast.get_docstring(item) or "").split("\n\n")[0].replace("\n", " ")
    marks = [f"@{ast.unparse(mark)}" for mark in item.decorator_list]
    word = "async def" if isinstance(item, ast.AsyncFunctionDef) else "def"
    head = f"{word} {item.name}({ast.unparse(item.args)}) -> {_returns(item)}"
    return "\n".join([*marks, f"{head}: ..." + (f"  # {doc}" if doc else "")])


def _signature(item: ast.FunctionDef) -> str:
    plain = [argument for argument in item.args.args if argument.arg != "self"]
    shown = ", ".join(ast.unparse(argument) for argument in plain)
    return f"@hookimpl\ndef {item.name}({shown}) -> {_returns(item)}: ..."


def _returns(item: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return ast.unparse(item.returns) if item.returns is not None else "None"


def example(hook: str) -> str:
    """The example of *hook*: a whole module of a plugin."""
    return textwrap.dedent((inspect.getdoc(getattr(hookspecs.LabdHooks, hook)) or "").partition("Example::\n")[2])


def _prose(item: ast.FunctionDef) -> str:
    text, _, example = (ast.get_docstring(item) or "").partition("Example::\n")
    shown = f"\n\nExample:\n\n{_code(textwrap.dedent(example).strip())}" if example else ""
    return _markdown(text.strip()) + shown


def _markdown(text: str) -> str:
    """reStructuredText of the docstrings as Markdown."""
    text = text.replace("``", "`")
    for role in (":class:", ":func:", ":mod:", ":data:", ":meth:"):
        text = text.replace(f"{role}`", "`")
    return text


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


def _class(module: ModuleType, name: str) -> ast.ClassDef:
    body = ast.parse(inspect.getsource(module)).body
    return next(item for item in body if isinstance(item, ast.ClassDef) and item.name == name)


def _first_line(name: str) -> str:
    thing = getattr(api, name)
    if isinstance(thing, type) and issubclass(thing, LabdError):
        return f"error: {thing.title}"
    return _markdown((thing.__doc__ or "").split("\n")[0])
