"""The keys: which there are, what each does, and those that the settings give instead.

Every binding of ours has an id. The id's text in `keys.json` says what it does; `settings.ui_tui.keys` can give it
other keys; the help lists it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, cast

from textual.binding import Binding

_GROUPS: Final[Mapping[str, Sequence[str]]] = {
    "keys.group.app": ("app:BalchatTui",),
    "keys.group.list": ("main.screen:MainScreen", "conversations.widget:ConversationList"),
    "keys.group.chat": ("chat.composer:Composer", "chat.message_list:MessageList"),
    "keys.group.pages": (
        "pages.page:Page",
        "asking.picker:Picker",
        "search.screen:Search",
        "people.requests:Requests",
        "people.code:OwnCode",
        "people.verify:Verify",
        "account_screens.relays:RelaysPage",
        "account_screens.settings:SettingsPage",
        "account_screens.profiles:ProfilesPage",
        "files.listing:FilesPage",
        "files.staging:StagingPage",
        "voice.recorder:VoiceRecorder",
        "voice.player:VoicePlayer",
        "entry.unlock:Unlock",
    ),
}
"""The headings of the help, and the classes whose bindings stand below each."""

_NAMES: Final = {
    "escape": "Esc",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "delete": "Del",
    "backspace": "⌫",
    "slash": "/",
    "question_mark": "?",
    "colon": ":",
    "full_stop": ".",
    "minus": "-",
    "plus": "+",
    "underscore": "_",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What can be pressed: the binding's id, and its keys as Textual writes them, with commas between."""

    id: str
    keys: str


def groups() -> Mapping[str, Sequence[Key]]:
    """Return all keys below the texts of their headings."""
    return {heading: _unique(_keys(places)) for heading, places in _GROUPS.items()}


def known() -> Mapping[str, str]:
    """Return the keys of each id, as they are without settings."""
    return {key.id: key.keys for keys in groups().values() for key in keys}


def _keys(places: Sequence[str]) -> Iterable[Key]:
    for place in places:
        module, _, name = place.partition(":")
        own = cast("Mapping[str, Sequence[object]]", vars(getattr(import_module(f"balchat_ui_tui.{module}"), name)))
        for binding in own.get("BINDINGS", ()):
            if isinstance(binding, Binding) and binding.id:
                yield Key(id=binding.id, keys=binding.key)


def _unique(keys: Iterable[Key]) -> Sequence[Key]:
    return list({key.id: key for key in keys}.values())


def key_words(keys: str) -> str:
    """Return keys as people read them: `ctrl+k,f2` is `Ctrl+K F2`."""
    return " ".join(_words(key.strip()) for key in keys.split(","))


def _words(key: str) -> str:
    *held, last = key.split("+") if key != "+" else [key]
    name = _NAMES.get(last, last.capitalize() if held or len(last) > 1 else last)
    return "+".join([*(each.capitalize() for each in held), name])


def unknown(keymap: Mapping[str, str]) -> Sequence[str]:
    """Return the ids of a keymap that nothing has."""
    # All screens are imported for it: only where there is something to look up.
    return sorted(set(keymap) - set(known())) if keymap else ()
