"""Which plugins work together: roles, policies, and what is said when they do not fit."""

import pytest

from balchat_host.api.errors import ConfigurationError, PluginError
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.plugins import discover
from balchat_host.loader.roles import load_program
from balchat_host.loader.selection import select

STONES = {
    "plugins.storage": "storage_stone",
    "plugins.crypto": "crypto_stone",
    "plugins.network": "network_stone",
    "plugins.program": "ui_stone",
}
EVERYTHING = [
    *STONES.values(),
    "transport_moss",
    "transport_stone",
    "ui_bell",
]


@pytest.fixture
def configure(tmp_path):
    """Configure with these plugins enabled, and more."""

    def run(enabled=EVERYTHING, more=()):
        overrides = STONES | {"plugins.enabled": str(enabled)} | dict(more)
        return load_configuration(None, system_file=tmp_path / "none", environment={}, overrides=overrides)

    return run


def chosen(configuration):
    return select(configuration, discover(configuration.plugins.enabled))


def test_every_role_gets_the_plugin_that_the_configuration_names(install, configure):
    install.stones()
    selection = chosen(configure())
    assert selection.storage.name == "storage_stone"
    assert selection.crypto.name == "crypto_stone"
    assert selection.network.name == "network_stone"
    assert [front_end.name for front_end in selection.front_ends] == ["ui_stone", "ui_bell"]
    settings = selection.settings["network_stone"]
    assert selection.network.factory("context", settings) == ("context", settings)


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        ("direct-only", ["transport_stone"]),
        ("relay-only", ["transport_moss"]),
        ("both", ["transport_moss", "transport_stone"]),
    ],
)
def test_the_policy_decides_which_transports_are_used(install, configure, policy, names):
    install.stones()
    selection = chosen(configure(more={"delivery.policy": policy}))
    assert [transport.name for transport in selection.transports] == names


def test_a_policy_that_no_transport_serves_is_an_error(install, configure):
    install.stones()
    with pytest.raises(ConfigurationError) as caught:
        chosen(configure([*STONES.values(), "transport_stone"], {"delivery.policy": "relay-only"}))
    assert str(caught.value) == (
        "--set: delivery.policy: no enabled transport serves the policy relay-only. "
        "Allowed: a policy and transports that go together."
    )
    with pytest.raises(
        ConfigurationError, match=r"^--set: plugins\.enabled: no enabled transport serves the policy both"
    ):
        chosen(configure([*STONES.values()]))


def test_a_role_for_a_plugin_of_another_kind_is_an_error(install, configure):
    install.stones()
    with pytest.raises(ConfigurationError) as caught:
        chosen(configure(more={"plugins.storage": "network_stone"}))
    assert str(caught.value) == (
        "--set: plugins.storage: network_stone is a network, and a storage is needed. Allowed: storage_stone."
    )


def test_a_role_that_nothing_enabled_can_play_is_an_error(install, configure):
    install.stones()
    with pytest.raises(ConfigurationError) as caught:
        chosen(configure([name for name in EVERYTHING if name != "crypto_stone"], {"plugins.crypto": "ui_bell"}))
    assert str(caught.value) == (
        "--set: plugins.crypto: ui_bell is a front end, and a crypto is needed. "
        "Allowed: an enabled plugin that is a crypto."
    )


def test_a_role_can_name_one_of_several_plugins_of_an_entry_point(install, configure):
    install.stones()
    install(
        "pebbles",
        {"pebble": "pebble"},
        {
            "pebble": "\n".join(
                install.source(f"{kind}_stone", called=f"pebble_{kind}") for kind in ("storage", "crypto")
            )
        },
    )
    more = {"plugins.storage": "pebble_storage", "plugins.crypto": "pebble_crypto"}
    selection = chosen(configure([*EVERYTHING, "pebble"], more))
    assert (selection.storage.name, selection.crypto.name) == ("pebble_storage", "pebble_crypto")
    with pytest.raises(ConfigurationError) as caught:
        chosen(configure([*EVERYTHING, "pebble"], {"plugins.storage": "pebble_sorage"}))
    assert str(caught.value) == (
        "--set: plugins.storage: pebble_sorage is registered by no enabled plugin, and a storage is needed. "
        "Allowed: storage_stone or pebble_storage."
    )


def test_an_enabled_plugin_that_is_broken_stops_the_start_whatever_its_role(install, configure):
    install.stones()
    install("broken-thing", {"broken": "broken"}, {"broken": "import loft_of_nobody"})
    with pytest.raises(PluginError) as caught:
        chosen(configure([*EVERYTHING, "broken"]))
    assert caught.value.exit_code == 9
    assert str(caught.value) == (
        "The plugin broken (broken-thing 1.0) cannot be used: importing broken raised ModuleNotFoundError: "
        "No module named 'loft_of_nobody'."
    )


def test_an_installed_plugin_that_is_broken_and_not_enabled_stops_nothing(install, configure):
    install.stones()
    install("broken-thing", {"broken": "broken"}, {"broken": "import loft_of_nobody"})
    assert chosen(configure()).storage.name == "storage_stone"


def test_the_program_is_loaded_without_any_other_plugin(install, configure):
    install.stones("ui_stone")
    install("broken-thing", {"network_stone": "broken"}, {"broken": "raise SystemExit"})
    assert load_program(configure()).program is print


def test_a_program_that_is_broken_absent_or_none_is_an_error(install, configure):
    install.stones("ui_bell", "network_stone")
    with pytest.raises(PluginError, match=r"^The plugin ui_stone \(not installed\) cannot be used: "):
        load_program(configure())
    with pytest.raises(ConfigurationError) as caught:
        load_program(configure(more={"plugins.program": "ui_bell"}))
    assert str(caught.value) == (
        "--set: plugins.program: ui_bell cannot be started by a person. Allowed: one that has a program."
    )
    with pytest.raises(ConfigurationError, match="network_stone is a network, and a front end is needed"):
        load_program(configure(more={"plugins.program": "network_stone"}))
