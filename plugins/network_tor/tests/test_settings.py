"""Settings are checked when they are made, and a mistake names the key, what is wrong and what is allowed."""

from pathlib import Path

import pytest
from balchat_common import settings as declared
from balchat_common.settings import Unfit
from balchat_network_tor.settings import TorSettings

FINGERPRINT = "2B280B23E1107BB62ABFC40DDCC8824814F80A72"
OBFS4 = f"obfs4 192.0.2.1:443 {FINGERPRINT} cert=abc/+ iat-mode=0"
SNOWFLAKE = f"snowflake 192.0.2.3:80 {FINGERPRINT} url=https://broker.example/ ice=stun:stun.example:3478"
WEBTUNNEL = f"webtunnel [2001:db8::1]:443 {FINGERPRINT} url=https://bridge.example/path ver=0.0.1"
PLUGINS = ("obfs4,webtunnel exec /usr/bin/lyrebird", "snowflake exec /usr/bin/snowflake-client -log off")


def test_the_defaults_start_a_tor_without_bridges() -> None:
    settings = TorSettings()
    assert settings.control_address is None
    assert settings.bridges == ()


def test_bridges_of_all_kinds_are_taken() -> None:
    plain = f"192.0.2.7:9001 {FINGERPRINT}"
    settings = TorSettings(
        bridges=(OBFS4, SNOWFLAKE, WEBTUNNEL, plain, "[2001:db8::2]:9001"), client_transport_plugins=PLUGINS
    )
    assert len(settings.bridges) == 5


def test_a_running_tor_is_named_by_its_ports() -> None:
    by_port = TorSettings(control="127.0.0.1:9051", socks="127.0.0.1:9050", control_password="open sesame")
    assert by_port.control_address == ("127.0.0.1", 9051)
    assert by_port.socks_address == ("127.0.0.1", 9050)
    assert "sesame" not in repr(by_port)
    assert "sesame" not in repr(by_port.control_secret)
    assert TorSettings(control="unix:/run/tor/control").control_address == Path("/run/tor/control")


@pytest.mark.parametrize(
    ("given", "key", "problem"),
    [
        ({"tor": ""}, "tor", "empty"),
        ({"control": "9051"}, "control", "'9051' is not a valid address"),
        ({"control": "localhost:9051"}, "control", "not a valid address"),
        ({"control": "192.0.2.1:9051"}, "control", "not a port of this machine"),
        ({"control": "127.0.0.1:70000"}, "control", "not a port of this machine"),
        ({"control": "127.0.0.1:9051", "socks": "unix:/run/tor/socks"}, "socks", "not a valid address"),
        ({"socks": "127.0.0.1:9050"}, "socks", "belongs to a running tor"),
        ({"control_password": "x"}, "control_password", "belongs to a running tor"),
        ({"control": "127.0.0.1:9051", "bridges": (OBFS4,)}, "bridges", "a running tor has its own"),
        ({"control": "127.0.0.1:9051", "torrc": ("EntryNodes de",)}, "torrc", "a running tor has its own"),
        ({"dial_timeout": 0.0}, "dial_timeout", "it is 0.0"),
        ({"dial_timeout": float("nan")}, "dial_timeout", "it is nan"),
        ({"max_incoming": 0}, "max_incoming", "it is 0"),
        ({"bridges": (OBFS4,)}, "bridges", "which program speaks obfs4"),
        ({"bridges": (OBFS4,), "client_transport_plugins": (PLUGINS[1],)}, "bridges", "which program speaks obfs4"),
        ({"bridges": ("",)}, "bridges", "line 1: it is empty"),
        ({"bridges": ("192.0.2.1:443", "Bridge 192.0.2.1:443")}, "bridges", "line 2: it begins with the word Bridge"),
        ({"bridges": ("192.0.2.1",)}, "bridges", "no ADDRESS:PORT"),
        ({"bridges": ("192.0.2.1:0",)}, "bridges", "no ADDRESS:PORT"),
        ({"bridges": ("2001:db8::1:443",)}, "bridges", "no ADDRESS:PORT"),
        ({"bridges": ("bridge.example:443",)}, "bridges", "no ADDRESS:PORT"),
        ({"bridges": ("obfs4",)}, "bridges", "no ADDRESS:PORT"),
        ({"bridges": ("192.0.2.1:443 ABCD",)}, "bridges", "40 hexadecimal digits"),
        ({"bridges": (f"192.0.2.1:443 {FINGERPRINT} cert=x",)}, "bridges", "belongs to a transport"),
        ({"bridges": (f"obfs4 192.0.2.1:443 {FINGERPRINT} cert=x",)}, "bridges", "obfs4 needs iat-mode"),
        ({"bridges": (f"obfs4 192.0.2.1:443 {FINGERPRINT}",)}, "bridges", "obfs4 needs cert and iat-mode"),
        ({"bridges": (f"webtunnel 192.0.2.1:443 {FINGERPRINT} ver=1",)}, "bridges", "webtunnel needs url"),
        ({"bridges": (f"obfs4 192.0.2.1:443 {FINGERPRINT} cert",)}, "bridges", "not all KEY=VALUE"),
        ({"bridges": ("192.0.2.1:443\nControlPort 9051",)}, "bridges", "control characters"),
        ({"bridges": ("x" * 3000,)}, "bridges", "longer than"),
        ({"bridges": ("192.0.2.1:443",) * 65}, "bridges", "there are 65"),
        ({"client_transport_plugins": ("obfs4 /usr/bin/lyrebird",)}, "client_transport_plugins", "another shape"),
        ({"client_transport_plugins": ("ob-fs exec /bin/x",)}, "client_transport_plugins", "not a transport's name"),
        ({"client_transport_plugins": ("a exec /bin/x\nLog debug",)}, "client_transport_plugins", "control characters"),
        ({"torrc": ("Log debug file /tmp/log",)}, "torrc", "Log cannot be set here"),
        ({"torrc": ("log debug stderr",)}, "torrc", "cannot be set here"),
        ({"torrc": ("SafeLog 0",)}, "torrc", "cannot be set here"),
        ({"torrc": ("HiddenServiceDir /tmp/x",)}, "torrc", "cannot be set here"),
        ({"torrc": ("ClientOnionAuthDir /tmp/x",)}, "torrc", "cannot be set here"),
        ({"torrc": ("__OwningControllerProcess 1",)}, "torrc", "another shape"),
        ({"torrc": ("%include /etc/tor/more",)}, "torrc", "another shape"),
        ({"torrc": ("EntryNodes de\nLog debug",)}, "torrc", "another shape"),
    ],
)
def test_a_mistake_names_key_and_problem(given: dict[str, object], key: str, problem: str) -> None:
    with pytest.raises(Unfit) as caught:
        declared.read(TorSettings, given)
    assert caught.value.key == key
    assert problem in caught.value.problem
    assert caught.value.allowed
