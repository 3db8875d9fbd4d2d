"""`balchat tui [CONVERSATION]`: the program. It says what to use where there is no terminal for it."""

import locale
import os
import sys
from collections.abc import Sequence
from typing import Final

from balchat_texts import Texts, choose_language

from balchat_host.api.errors import BadInput, BalchatError, InternalError
from balchat_host.api.programs import Profiles
from balchat_ui_tui.screen_texts import ScreenTexts
from balchat_ui_tui.settings import PLUGIN, Pictures, TuiSettings

_HELP: Final = frozenset({"-h", "--help"})


def main(profiles: Profiles, arguments: Sequence[str]) -> int:
    """Show the screen until it is left; return the exit code. Raise BalchatError."""
    settings = _settings(profiles)
    t = ScreenTexts(choose_language(settings.language, os.environ))
    if _HELP.intersection(arguments):
        sys.stdout.write(f"{t('tui.usage')}\n")
        return 0
    opened = _one_argument(arguments, t)
    _require_terminal(t)
    for name in ("COLUMNS", "LINES"):
        # Textual would go on believing them when the window has another size.
        os.environ.pop(name, None)
    from balchat_ui_tui.app import BalchatTui  # noqa: PLC0415  # Textual takes half a second: now it is needed

    if settings.pictures is Pictures.TERMINAL:
        from balchat_ui_tui.terminal_pictures import ask_terminal  # noqa: PLC0415  # few have chosen it

        ask_terminal()
    app = BalchatTui(profiles, settings, t, opened=opened)
    code = app.run()
    while app.next_profile is not None:
        name = app.next_profile
        settings = _settings(profiles, name)
        app = BalchatTui(profiles, settings, ScreenTexts(choose_language(settings.language, os.environ)), profile=name)
        code = app.run()
    if app.failure is not None:
        if isinstance(app.failure, BalchatError):
            raise app.failure
        from balchat_host.api.failures import TRACEBACK, kind_of  # noqa: PLC0415  # nearly never

        if os.environ.get(TRACEBACK):
            sys.excepthook(type(app.failure), app.failure, app.failure.__traceback__)
        raise InternalError(kind=kind_of(app.failure))
    return code or 0


def _settings(profiles: Profiles, profile: str | None = None) -> TuiSettings:
    """Return the settings. A configuration that cannot be used ends no screen: whoever starts the account says it."""
    try:
        return profiles.own_settings(PLUGIN, TuiSettings, profile)
    except BalchatError:
        return TuiSettings()


def _one_argument(arguments: Sequence[str], t: Texts) -> str | None:
    if len(arguments) > 1 or any(each.startswith("-") for each in arguments):
        raise BadInput(what="balchat tui", problem=t("tui.usage"))
    return arguments[0] if arguments else None


def _require_terminal(t: Texts) -> None:
    """Raise BadInput where no screen can be shown."""
    # Textual draws on standard error, so that what a program prints stays apart.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise BadInput(what="balchat tui", problem=t("tui.no-terminal"))
    if os.environ.get("TERM", "") in {"", "dumb", "unknown"}:
        raise BadInput(what="balchat tui", problem=t("tui.dumb-terminal", term=os.environ.get("TERM", "")))
    if locale.getpreferredencoding(do_setlocale=False).lower().replace("-", "") != "utf8":
        raise BadInput(what="balchat tui", problem=t("tui.not-utf8"))
