"""The looks: dark, light, high contrast. Without colour (NO_COLOR) the words say everything."""

from textual.theme import Theme


def _theme(name: str, *, dark: bool, colours: dict[str, str], own: dict[str, str]) -> Theme:
    theme = Theme(name, dark=dark, variables={f"labd-{key}": value for key, value in own.items()}, primary="")
    for key, value in colours.items():
        setattr(theme, key, value)
    return theme


THEMES = [
    _theme(
        "labd-dark", dark=True,
        colours={
            "primary": "#6cb6ff", "secondary": "#76d7c4", "accent": "#f0a8d0", "success": "#7bd88f",
            "warning": "#f5c76e", "error": "#ff7b72", "foreground": "#d5dbe3", "background": "#10151c",
            "surface": "#161d27", "panel": "#1f2935",
        },
        own={
            "dim": "#8592a3", "faint": "#2c3947", "rule": "#33414f", "cursor": "#2a4a6b",
            "cursor-text": "#ffffff", "resting": "#1f2935",
        },
    ),
    _theme(
        "labd-light", dark=False,
        colours={
            "primary": "#0a5dc2", "secondary": "#00695c", "accent": "#a0277a", "success": "#1a7f37",
            "warning": "#8a5a00", "error": "#c21d2b", "foreground": "#1c2430", "background": "#fbfcfd",
            "surface": "#f1f4f7", "panel": "#e4e9ef",
        },
        own={
            "dim": "#5a6675", "faint": "#d3dae2", "rule": "#bcc6d1", "cursor": "#cfe3fb",
            "cursor-text": "#0b1a2b", "resting": "#e8edf3",
        },
    ),
    _theme(
        "labd-contrast", dark=True,
        colours={
            "primary": "#00ffff", "secondary": "#ffffff", "accent": "#ffff00", "success": "#00ff00",
            "warning": "#ffff00", "error": "#ff8080", "foreground": "#ffffff", "background": "#000000",
            "surface": "#000000", "panel": "#000000",
        },
        own={
            "dim": "#ffffff", "faint": "#808080", "rule": "#ffffff", "cursor": "#ffff00",
            "cursor-text": "#000000", "resting": "#404040",
        },
    ),
]  # fmt: skip
NAMES = {theme.name.removeprefix("labd-"): theme.name for theme in THEMES}
DEFAULT = "dark"
