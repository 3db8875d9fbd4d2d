"""What is said of an account that runs with something else than before, and of a file that fixes a deployment."""

import pytest

from balchat_host.api.errors import ConfigurationError
from balchat_host.loader.deployment import Deployment, differences
from balchat_host.loader.deployment_check import check_deployment

DIRECT, RELAY = {"transport_stone": "interactive"}, {"transport_moss": "store-and-forward"}


def deployment(**changes):
    usual = {
        "storage": "storage_stone", "crypto": "crypto_stone", "network": "network_stone",
        "transports": DIRECT | RELAY, "policy": "both",
    }  # fmt: skip
    return Deployment(**{**usual, **changes})


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({}, []),
        ({"storage": "storage_moss"}, ["also those that wait, are in a vault that storage_moss does not read"]),
        ({"crypto": "crypto_moss"}, ["what waits was encrypted by that one"]),
        ({"network": "network_moss"}, ["out of reach, and what waits for them stays in the outbox"]),
        ({"policy": "direct-only"}, ["Nothing changes for what waits"]),
        ({"transports": RELAY}, ["transport_stone is not in use any more: what waits for people whom nothing else"]),
        (
            {"transports": DIRECT, "policy": "direct-only"},
            ["delivery.policy is direct-only, and was both", "what lies at relays for you stays there, and is lost"],
        ),
        (
            {"transports": DIRECT | RELAY | {"transport_pigeon": "store-and-forward"}},
            ["transport_pigeon is in use now: contacts learn of it"],
        ),
    ],
)
def test_a_difference_says_what_it_means_for_what_waits(now, said):
    found = differences(deployment(), deployment(**now))
    assert [part in sentence for part, sentence in zip(said, found, strict=True)] == [True] * len(said)


ROLES = """
enabled = ["storage_stone", "crypto_stone", "network_stone", "transport_stone", "ui_stone"{more}]
storage = "storage_stone"
crypto = "crypto_stone"
network = "network_stone"
program = "ui_stone"
"""


@pytest.fixture
def file(tmp_path, install):
    """Write a deployment's file, on a machine with plugins of stone."""
    install.stones()

    def write(text, more=""):
        path = tmp_path / "deployment.toml"
        path.write_text(f"[plugins]\n{ROLES.format(more=more)}{text}")
        return path

    return write


def test_a_file_that_can_be_used(file):
    found = check_deployment(
        file(
            '[plugins.versions]\nui_stone = "1"\n[delivery]\npolicy = "both"\n[settings.ui_stone]\nweight = 9\n'
            '[locks]\nkeys = ["plugins", "delivery.policy"]\n'
        )
    )
    assert found.problems == ()
    assert (found.policy, found.works_as) == ("both", "direct-only")
    assert found.locks == ("plugins", "delivery.policy")
    assert [(view.name, view.version) for view in found.plugins][-1] == ("ui_stone", "1.0")
    settings = {view.key: view for view in found.settings}
    assert settings["settings.ui_stone.weight"].value == 9
    assert settings["settings.network_stone.weight"].value == 7
    assert settings["delivery.policy"].locked_by == found.file
    assert settings["delivery.hedge_seconds"].locked_by is None


@pytest.mark.parametrize(
    ("text", "more", "problem"),
    [
        ("", ', "ui_missing"', "ui_missing (not installed)"),
        ('[plugins.versions]\nui_stone = "2"\n', "", "its version is 1.0, and plugins.versions asks for 2"),
        ('[delivery]\npolicy = "relay-only"\n', "", "no enabled transport serves the policy relay-only"),
        ('[delivery]\npolicy = "fast"\n', "", "delivery.policy"),
        ("[settings.ui_stone]\nwieght = 9\n", "", "settings.ui_stone.wieght"),
        ('[locks]\nkeys = ["delivery.polciy"]\n', "", "locks.keys"),
        (
            '[locks]\nkeys = ["settings.ui_stne"]\n',
            "",
            "settings.ui_stne locks the settings of no installed plugin; ui_",
        ),
        ('[locks]\nkeys = ["settings.ui_stone.wight"]\n', "", "a setting that ui_stone does not have; weight is the"),
        ('[plugins.versions]\nui_stoen = "1"\n', "", "plugins.versions: ui_stoen is no installed plugin; ui_stone is"),
        ('[plugins.versions]\nui_stone = ""\n', "", 'each a text such as "0.1"'),
        ("[plugins.versions]\nui_stone = 0.1\n", "", 'each a text such as "0.1"'),
    ],
)
def test_what_is_wrong_with_a_file_is_said(file, text, more, problem):
    found = check_deployment(file(text, more))
    assert any(problem in each for each in found.problems), found.problems
    assert found.plugins


def test_plugins_that_cannot_be_pinned_are_said(file, install):
    said = '{"url": "file:///src", "dir_info": {"editable": true}}'
    (install.folder / "stones-1.0.dist-info" / "direct_url.json").write_text(said)
    assert check_deployment(file("")).problems == ()
    pinned = check_deployment(file("pin = true\n"))
    assert any("storage_stone" in each and "from a folder of sources" in each for each in pinned.problems)
    assert not any("ui_stone" in each for each in pinned.problems), "it is the program"


def test_a_file_that_is_not_there_is_no_deployment(tmp_path):
    with pytest.raises(ConfigurationError, match="it is not there"):
        check_deployment(tmp_path / "absent.toml")


def test_a_file_that_cannot_even_be_looked_for_says_why(tmp_path):
    with pytest.raises(ConfigurationError, match="File name too long"):
        check_deployment(tmp_path / f"{'x' * 300}.toml")


@pytest.mark.parametrize("text", ["[plugins\n", "\x00"])
def test_a_file_that_cannot_be_read_is_said_alone(tmp_path, text):
    path = tmp_path / "deployment.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="the file: it"):
        check_deployment(path)


def test_everything_that_is_wrong_is_said_at_once(file):
    found = check_deployment(file('[delivery]\npolicy = "fast"\nhedge_seconds = -1\n', ', "ui_missing"'))
    assert len(found.problems) == 3
    text = (
        "[settings.ui_stone]\nwieght = 9\n[settings.ui_nobody]\na = 1\n[settings.ui_nothing]\na = 1\n"
        '[locks]\nkeys = ["settings.ui_no", "settings.ui_bell", "settings.ui_bell.weight"]\n'
    )
    found = check_deployment(file(text))
    assert len(found.problems) == 4, "ui_bell is installed"
    assert "settings.network_stone.weight" in {view.key for view in found.settings}
