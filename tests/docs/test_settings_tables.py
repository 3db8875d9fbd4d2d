"""The READMEs say of every setting what the program does: its default, and what is allowed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from balchat_common.settings import settings_of
from balchat_network_null.settings import NullSettings
from balchat_network_tor.settings import TorSettings
from balchat_relay.settings import Limits, RelayTable
from balchat_storage_sqlcipher.settings import Settings as VaultSettings
from balchat_transport_relay.settings import RelaySettings
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_ui_notify.settings import NotifySettings
from balchat_ui_rpc.settings import RpcSettings
from balchat_ui_tui.settings import TuiSettings
from balchat_ui_web.settings import WebSettings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(\w+)` \| `(.*?)` \| (.*?) \| .+ \|$", re.MULTILINE)
PAGES: dict[str, tuple[type[Any], ...]] = {
    "plugins/network_null": (NullSettings,),
    "plugins/network_tor": (TorSettings,),
    "plugins/storage_sqlcipher": (VaultSettings,),
    "plugins/transport_relay": (RelaySettings,),
    "plugins/transport_tor_direct": (DirectSettings,),
    "plugins/ui_notify": (NotifySettings,),
    "plugins/ui_rpc": (RpcSettings,),
    "plugins/ui_tui": (TuiSettings,),
    "plugins/ui_web": (WebSettings,),
    "relay/server": (RelayTable, Limits),
}


def default(cls: type[Any], name: str) -> object:
    """Return a default as TOML can hold it."""
    value = getattr(cls(), name)
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("folder", PAGES)
def test_a_readme_has_every_setting_with_its_default_and_what_is_allowed(folder: str) -> None:
    told = [
        (name, json.loads(default), allowed)
        for name, default, allowed in ROW.findall((ROOT / folder / "README.md").read_text())
    ]
    declared = [
        (name, default(cls, name), setting.allowed)
        for cls in PAGES[folder]
        for name, setting in settings_of(cls).items()
    ]
    assert told == declared
