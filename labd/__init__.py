"""labd: one daemon for a lab machine.

Importing this package costs nothing: public names load when they are first used.
"""

__all__ = ["__version__", "report"]

TYPE_CHECKING = False  # importing typing for it would cost more than all of this module
if TYPE_CHECKING:
    from labd.report import report

    __version__: str


def __getattr__(name: str) -> object:
    if name == "report":
        from labd.report import report

        return report
    if name == "__version__":
        from importlib.metadata import version

        return version("labd")
    raise AttributeError(f"module 'labd' has no attribute {name!r}")
