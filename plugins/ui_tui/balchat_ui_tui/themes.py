"""The colours: four themes of ours, and Textual's for the terminal's own sixteen."""

from collections.abc import Mapping
from typing import Final

from textual.theme import Theme

from balchat_ui_tui import settings

_DARK: Final = Theme(
    name="balchat-dark",
    primary="#7fb4ca",
    secondary="#a3b8cc",
    accent="#e6b673",
    success="#98c379",
    warning="#e6b673",
    error="#e06c75",
    foreground="#dcdfe4",
    background="#14171c",
    surface="#1b1f26",
    panel="#232932",
    dark=True,
    variables={
        "block-hover-background": "#2b3440",
        "block-cursor-background": "#34485a",
        "block-cursor-foreground": "#ffffff",
        "faint": "#818b98",
    },
)
_LIGHT: Final = Theme(
    name="balchat-light",
    primary="#1d6a8c",
    secondary="#4a6076",
    accent="#8f5a00",
    success="#2f7037",
    warning="#8f5a00",
    error="#b3262e",
    foreground="#1e2329",
    background="#fbfaf7",
    surface="#f2f0eb",
    panel="#e7e4dd",
    dark=False,
    variables={
        "block-hover-background": "#dfdad0",
        "block-cursor-background": "#bcd6e2",
        "block-cursor-foreground": "#0e1317",
        "faint": "#626b75",
    },
)
_CONTRAST: Final = Theme(
    name="balchat-contrast",
    primary="#00d7ff",
    secondary="#ffffff",
    accent="#ffd700",
    success="#00ff5f",
    warning="#ffd700",
    error="#ff5f5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    variables={
        "block-hover-background": "#3a3a3a",
        "block-cursor-background": "#ffffff",
        "block-cursor-foreground": "#000000",
        "faint": "#d0d0d0",
    },
)
THEMES: Final = (_DARK, _LIGHT, _CONTRAST)

_LIGHTEST_DARK: Final = 6
"""Of the sixteen colours, those up to this one, and 8, are dark: 7 and 9 to 15 are light."""


def theme_named(chosen: settings.Theme, environment: Mapping[str, str]) -> str:
    """Return the name of Textual's theme for what was set."""
    match chosen:
        case settings.Theme.DARK:
            return _DARK.name
        case settings.Theme.LIGHT:
            return _LIGHT.name
        case settings.Theme.CONTRAST:
            return _CONTRAST.name
        # Without colours, Textual would draw the terminal's own as black on black. The others become greys.
        case settings.Theme.ANSI if "NO_COLOR" not in environment:
            return "ansi-light" if _is_light(environment) else "ansi-dark"
        case settings.Theme.AUTO | settings.Theme.ANSI:
            return (_LIGHT if _is_light(environment) else _DARK).name


def _is_light(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal says that its background is light, as rxvt, konsole and others do (COLORFGBG)."""
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return background.isdecimal() and int(background) > _LIGHTEST_DARK and int(background) != 8  # noqa: PLR2004  # see there
