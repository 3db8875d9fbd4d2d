from __future__ import annotations

import pytest
from balchat_common import settings
from balchat_common.settings import Unfit
from balchat_transport_tor_direct import plugin
from balchat_transport_tor_direct.settings import DirectSettings

from balchat_host.api.descriptors import TransportDescriptor
from balchat_host.api.transport import Latency


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("window", 65_535),
        ("window", 2**30),
        ("send_octets", 1000),
        ("memory", 1),
        ("frames_per_second", 10),
        ("max_handshakes", 0),
        ("keepalive", 0),
        ("handshake_timeout", -5),
        ("probe_timeout", 30),
        ("answer_timeout", float("nan")),
    ],
)
def test_a_value_out_of_bounds_names_its_key_and_what_is_allowed(key: str, value: float) -> None:
    with pytest.raises(Unfit) as caught:
        settings.read(DirectSettings, {key: value})
    assert caught.value.key == key
    assert caught.value.allowed


def test_the_plugin_registers_one_interactive_transport() -> None:
    (descriptor,) = plugin.balchat_transports()
    assert isinstance(descriptor, TransportDescriptor)
    assert descriptor.name == "transport_tor_direct"
    assert descriptor.latency is Latency.INTERACTIVE
    assert descriptor.settings is DirectSettings
