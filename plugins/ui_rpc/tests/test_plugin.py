"""How the plugin is found, and that finding it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest
from balchat_common import settings
from balchat_common.settings import Unfit
from balchat_ui_rpc.plugin import balchat_front_ends
from balchat_ui_rpc.settings import RpcSettings

from balchat_host.api import API_VERSION, ENTRY_POINT_GROUP


def test_the_entry_point_leads_to_the_descriptor() -> None:
    (found,) = entry_points(group=ENTRY_POINT_GROUP, name="ui_rpc")
    (descriptor,) = found.load().balchat_front_ends()
    assert (descriptor.name, descriptor.api_version) == ("ui_rpc", API_VERSION)
    assert descriptor.settings is RpcSettings
    assert descriptor.program is None


def test_registering_imports_nothing_that_is_slow() -> None:
    heavy = "anyio._backends asyncio ctypes balchat_ui_rpc.server balchat_ui_rpc.client"
    program = f"import sys, balchat_ui_rpc.plugin; print(*(set({heavy!r}.split()) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"\n"


def test_settings_are_checked() -> None:
    assert balchat_front_ends()[0].settings() == RpcSettings(max_clients=32)
    for wrong in (0, -1, 1001):
        with pytest.raises(Unfit) as caught:
            settings.read(RpcSettings, {"max_clients": wrong})
        assert (caught.value.key, caught.value.allowed) == ("max_clients", "a whole number from 1 to 1000")
