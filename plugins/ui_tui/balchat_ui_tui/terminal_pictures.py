"""Pictures by the terminal's own protocol: sixel or kitty's, as `textual-image` writes them where it is installed."""

import logging
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget

LIBRARY: Final = "textual_image.widget"
"""An extra: `pip install "balchat-ui-tui[pictures]"`."""


def ask_terminal() -> None:
    """Have the library ask the terminal what it can show.

    It does so when it is imported, and reads the answer itself. Once Textual reads what is typed, that is too late.
    Without colours kitty would not know which picture is meant: its number is written as a colour.
    """
    if find_spec("textual_image") is not None and not os.environ.get("NO_COLOR"):
        # Where a terminal does not answer, it would write a traceback on the screen.
        logging.getLogger("textual_image").addHandler(logging.NullHandler())
        import_module(LIBRARY)


def widget() -> "Callable[[Any], Widget] | None":
    """Return what makes a widget of a picture, None where the terminal has no protocol, or was not asked."""
    library: Any = sys.modules.get(LIBRARY)
    if library is None:
        return None
    if library.Image is library.SixelImage:
        return library.SixelImage
    return library.TGPImage if library.AutoRenderable is library.TGPRenderable else None
