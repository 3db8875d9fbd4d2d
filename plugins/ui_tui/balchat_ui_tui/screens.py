"""The screens by name, for `OpenScreen`. Each is imported when it is opened first."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from balchat_ui_tui.screen import StatefulScreen

_SCREENS: Final[Mapping[str, str]] = {
    "account.backup": "balchat_ui_tui.account_screens.secrets:Backup",
    "account.network": "balchat_ui_tui.account_screens.network:NetworkPage",
    "account.passphrase": "balchat_ui_tui.account_screens.secrets:Passphrase",
    "account.profiles": "balchat_ui_tui.account_screens.profiles:ProfilesPage",
    "account.recovery-code": "balchat_ui_tui.account_screens.secrets:RecoveryCodePage",
    "account.relays": "balchat_ui_tui.account_screens.relays:RelaysPage",
    "account.settings": "balchat_ui_tui.account_screens.settings:SettingsPage",
    "account.shut-down": "balchat_ui_tui.account_screens.shut_down:ShutDown",
    "ask": "balchat_ui_tui.asking.questions:Ask",
    "choose": "balchat_ui_tui.asking.choose:Choose",
    "confirm": "balchat_ui_tui.asking.questions:Confirm",
    "entry": "balchat_ui_tui.entry.welcome:Welcome",
    "entry.create": "balchat_ui_tui.entry.create:Create",
    "entry.recover": "balchat_ui_tui.entry.unlock:Recover",
    "entry.recovery-code": "balchat_ui_tui.entry.create:RecoveryCode",
    "entry.restore": "balchat_ui_tui.entry.restore:Restore",
    "entry.unlock": "balchat_ui_tui.entry.unlock:Unlock",
    "files.attach": "balchat_ui_tui.files.staging:StagingPage",
    "files.list": "balchat_ui_tui.files.listing:FilesPage",
    "files.picture": "balchat_ui_tui.files.picture:PicturePage",
    "help": "balchat_ui_tui.help:Help",
    "jump": "balchat_ui_tui.jump.screen:Jump",
    "jump-date": "balchat_ui_tui.jump.date:JumpToDate",
    "leave-sure": "balchat_ui_tui.asking.questions:LeaveSure",
    "lock": "balchat_ui_tui.account_screens.lock:LockScreen",
    "message-delete": "balchat_ui_tui.chat.dialogs:DeleteMessage",
    "message-info": "balchat_ui_tui.chat.info:MessageInfo",
    "message-react": "balchat_ui_tui.chat.dialogs:ReactToMessage",
    "palette": "balchat_ui_tui.palette:Palette",
    "people.add": "balchat_ui_tui.people.add:AddContact",
    "people.code": "balchat_ui_tui.people.code:OwnCode",
    "people.contact": "balchat_ui_tui.people.contact:Contact",
    "people.requests": "balchat_ui_tui.people.requests:Requests",
    "people.verify": "balchat_ui_tui.people.verify:Verify",
    "qr": "balchat_ui_tui.pages.qr_page:QrPage",
    "search": "balchat_ui_tui.search.screen:Search",
    "voice.play": "balchat_ui_tui.voice.player:VoicePlayer",
    "voice.record": "balchat_ui_tui.voice.recorder:VoiceRecorder",
}
"""Where the class of each screen is. It is made with the arguments of `OpenScreen`."""


def make_screen(name: str, arguments: Mapping[str, object]) -> "StatefulScreen[Any]":
    """Return a new screen. Raise KeyError where there is none of that name."""
    module, _, attribute = _SCREENS[name].partition(":")
    make: Callable[..., StatefulScreen[Any]] = getattr(import_module(module), attribute)
    return make(**arguments)
