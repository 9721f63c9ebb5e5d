"""Names of styles, and what they look like in each theme."""

from collections.abc import Mapping

from rich.style import Style
from textual.color import Color

# name: (variable of the theme for the colour, bold, dim, reverse)
_LOOKS: dict[str, tuple[str, bool, bool]] = {
    "": ("", False, False),
    "dim": ("labd-dim", False, False),
    "faint": ("labd-faint", False, False),
    "rule": ("labd-rule", False, False),
    "title": ("primary", True, False),
    "bold": ("", True, False),
    "good": ("success", False, False),
    "warn": ("warning", False, False),
    "bad": ("error", True, False),
    "info": ("secondary", False, False),
    "accent": ("accent", True, False),
    "bar": ("primary", False, False),
    "key": ("accent", True, False),
    "here": ("primary", True, True),
    "head": ("labd-dim", True, False),
    "found": ("warning", True, True),
    # those of labd.cli
    "green": ("success", False, False),
    "cyan": ("secondary", False, False),
    "yellow": ("warning", False, False),
    "red": ("error", True, False),
    "magenta": ("accent", False, False),
    "blue": ("primary", False, False),
}


class Ink:
    """Styles by name, of one theme; ``#rrggbb on #rrggbb`` are colours as they are."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._styles = {name: _style(variables, *look) for name, look in _LOOKS.items()}
        ground, text = variables["labd-cursor"], variables["labd-cursor-text"]
        self.cursor = Style(bgcolor=_rich(ground), color=_rich(text), bold=True)
        self.resting = Style(bgcolor=_rich(variables["labd-resting"]))

    def __getitem__(self, name: str) -> Style:
        found = self._styles.get(name)
        if found is None:
            found = Style.parse(name) if name.startswith("#") else self._styles[""]
        return found


def _style(variables: Mapping[str, str], colour: str, bold: bool, reverse: bool) -> Style:
    return Style(
        color=_rich(variables[colour]) if colour else None, bold=bold or None, reverse=reverse or None
    )


def _rich(text: str) -> str:
    return Color.parse(text).hex6
