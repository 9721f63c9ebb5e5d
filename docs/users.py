"""Which of the plugins that come with labd use a hook: read from their source, nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def users(hook: str, root: Path = ROOT) -> dict[str, Path]:
    """The file that implements *hook*, by the plugin's name; files are relative to *root*."""
    return {name: path.relative_to(root) for name, path in _sources(root) if hook in _hooks(path)}


def _sources(root: Path) -> Iterator[tuple[str, Path]]:
    """Every file of every plugin: of those that labd brings, and of the distributions beside it."""
    for path in sorted(root.glob("labd/plugins/**/*.py")):
        yield path.relative_to(root / "labd" / "plugins").parts[0].removesuffix(".py"), path
    for path in sorted(root.glob("plugins_contrib/*/src/**/*.py")):
        yield path.relative_to(root / "plugins_contrib").parts[0], path


def _hooks(path: Path) -> set[str]:
    """The names of the functions in *path* that are marked with ``@hookimpl``."""
    functions = [item for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, ast.FunctionDef)]
    return {item.name for item in functions if any(map(_marks, item.decorator_list))}


def _marks(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] == "hookimpl"
