"""Which plugins work together: roles, policies, and what is said when they do not fit."""

import re

import pytest

from balchat_host.api.errors import ConfigurationError, PluginError
from balchat_host.loader.configuration import load_configuration
from balchat_host.loader.plugins import discover
from balchat_host.loader.roles import load_program
from balchat_host.loader.selection import select

HOOK = "from balchat_host.api.hookspecs import hookimpl\n@hookimpl\ndef balchat_networks():\n"
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
    with pytest.raises(ConfigurationError, match=r"^--set: plugins\.enabled: no transport is enabled"):
        chosen(configure([*STONES.values()]))


def test_an_exclusive_network_is_refused_beside_another(install, configure):
    install.stones()
    source = install.source("network_stone", called="network_sand").replace("factory=", "exclusive=True, factory=")
    install("sands", {"network_sand": "network_sand"}, {"network_sand": source})
    with pytest.raises(ConfigurationError) as caught:
        chosen(configure([*EVERYTHING, "network_sand"]))
    assert str(caught.value) == (
        "--set: plugins.enabled: network_sand cannot be enabled together with network_stone. "
        "Allowed: network_sand or network_stone."
    )
    alone = [name for name in EVERYTHING if name != "network_stone"]
    selection = chosen(configure([*alone, "network_sand"], {"plugins.network": "network_sand"}))
    assert selection.network.name == "network_sand"


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


BROKEN = [
    ("import loft_of_nobody", "importing broken raised ModuleNotFoundError: No module named 'loft_of_nobody'"),
    ("import sys; sys.exit(3)", "importing broken raised SystemExit: 3"),
    ("class Odd(BaseException): pass\nraise Odd", "importing broken raised Odd"),
    ("raise ExceptionGroup('two', [ValueError(), OSError()])", "importing broken raised ExceptionGroup: two"),
    (f"{HOOK}    raise SystemExit", "balchat_networks() raised SystemExit"),
    (f"{HOOK}    return 'rubbish'", "balchat_networks() gave str, not a list of NetworkDescriptor"),
    (f"{HOOK}    return [None]", "balchat_networks() gave a list with NoneType, not with NetworkDescriptor alone"),
]


@pytest.mark.parametrize(("source", "problem"), BROKEN)
def test_a_plugin_that_is_broken_is_left_out_and_the_others_are_used(install, configure, source, problem):
    install.stones()
    install("broken-thing", {"broken": "broken"}, {"broken": source})
    selection = chosen(configure([*EVERYTHING, "broken"]))
    assert [transport.name for transport in selection.transports] == ["transport_moss", "transport_stone"]
    (record,) = selection.broken
    with pytest.raises(PluginError) as caught:
        record.usable()
    assert caught.value.exit_code == 9
    assert str(caught.value).startswith("The plugin broken (broken-thing 1.0) cannot be used: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(("source", "problem"), BROKEN)
@pytest.mark.parametrize("role", ["storage", "crypto", "network", "program"])
def test_a_broken_plugin_that_the_account_cannot_do_without_is_named(install, configure, role, source, problem):
    install.stones(*(name for name in EVERYTHING if name != STONES[f"plugins.{role}"]))
    install("broken-thing", {STONES[f"plugins.{role}"]: "broken"}, {"broken": source})
    configuration = configure()
    with pytest.raises(PluginError, match=re.escape(problem)) as caught:
        load_program(configuration) if role == "program" else chosen(configuration)
    assert caught.value.fields["distribution"] == "broken-thing 1.0"


def test_where_the_only_transport_is_broken_it_is_named(install, configure):
    install.stones(*STONES.values())
    install("broken-thing", {"transport_stone": "broken"}, {"broken": "raise SystemExit"})
    with pytest.raises(PluginError, match=r"^The plugin transport_stone \(broken-thing 1\.0\) cannot be used: "):
        chosen(configure([*STONES.values(), "transport_stone"]))


def test_an_enabled_plugin_that_is_not_installed_stops_the_start(install, configure):
    install.stones()
    with pytest.raises(
        PluginError, match=r"^The plugin ui_bel \(not installed\) cannot be used: .*ui_bell is the near"
    ):
        chosen(configure([*EVERYTHING, "ui_bel"]))


def test_a_settings_class_that_fails_by_itself_is_that_plugins_problem_alone(install, configure):
    install.stones()
    fails = "weight: int = 1\ndef __post_init__(self):\n    if self.weight == 2: raise SystemExit(2)"
    install(
        "broken-thing",
        {"network_broken": "broken"},
        {"broken": install.source("network_stone", fails, called="network_broken")},
    )
    selection = chosen(configure([*EVERYTHING, "network_broken"], {"settings.network_broken.weight": "2"}))
    assert [record.problem for record in selection.broken] == ["its settings raised SystemExit: 2"]


@pytest.mark.parametrize(
    ("latencies", "works_as"),
    [
        (["transport_stone"], "direct-only"),
        (["transport_moss"], "relay-only"),
        (["transport_moss", "transport_stone"], "both"),
    ],
)
def test_what_the_policy_comes_to_is_known(install, configure, latencies, works_as):
    install.stones()
    selection = chosen(configure([*STONES.values(), *latencies]))
    assert selection.works_as == works_as


@pytest.mark.parametrize(("policy", "left"), [("direct-only", "transport_stone"), ("relay-only", "transport_moss")])
def test_a_transport_that_the_policy_does_not_permit_carries_nothing_and_so_no_files(install, configure, policy, left):
    install.stones()
    both = configure([*STONES.values(), "transport_moss", "transport_stone"], {"delivery.policy": policy})
    assert [each.name for each in chosen(both).transports] == [left]


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
