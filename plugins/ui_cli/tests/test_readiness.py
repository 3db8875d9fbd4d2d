"""When `up --detach` says that others can reach us, by the states of addresses and transports."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest
from balchat_ui_cli.readiness import is_decided, is_online

from balchat_host.api.types import ONLINE, STOPPED, Phase, ServiceState
from balchat_host.testing.memory_account import MemoryAccount

STARTING = ServiceState(phase=Phase.STARTING)


@pytest.mark.parametrize(
    ("identity", "device", "transport", "online"),
    [
        (ONLINE, ONLINE, ONLINE, True),
        (ONLINE, STOPPED, ONLINE, True),  # a transport that uses one of them
        (STOPPED, STOPPED, ONLINE, True),  # one that uses none
        (ONLINE, STARTING, ONLINE, False),
        (STOPPED, STOPPED, STARTING, False),
        (ONLINE, STOPPED, STARTING, False),
    ],
)
def test_we_are_online_where_no_address_is_still_to_come(
    identity: ServiceState, device: ServiceState, transport: ServiceState, online: bool
) -> None:
    alice = MemoryAccount("Alice")
    status = replace(
        anyio.run(alice.app.status.get),
        network={"network": ONLINE},
        transports={"transport": transport},
        identity_onion=identity,
        device_onion=device,
    )
    assert (is_online(status), is_decided(status)) == (online, online)
