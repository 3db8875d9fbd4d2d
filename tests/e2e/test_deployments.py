"""One file fixes a deployment: each policy, and a stranger's transport; and what an account under another one says."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from balchat_host.api.frontend import PluginKind
from balchat_host.authoring.scaffold import new_plugin
from tests.support.announcing import announce, search_path
from tests.support.fork_server import ForkServer
from tests.support.null_town import befriend, call, came, talk
from tests.support.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

FILE = """\
[plugins]
enabled = ["storage_sqlcipher", "crypto_mls", "ui_rpc", "ui_cli", "{network}"{transports}]
network = "{network}"

[plugins.versions]
storage_sqlcipher = "0.1"

[delivery]
policy = "{policy}"
hedge_seconds = 0
retry_first_seconds = 1
retry_max_seconds = 1

[settings.{network}]
directory = "{directory}"
{more}
[locks]
keys = ["plugins", "delivery.policy"]
"""
PROGRAM = Path(__file__).parents[1] / "support" / "deployed_balchat.py"
SWIFT = "[settings.transport_relay]\ncare_seconds = 1\npoll_seconds = 10\n"
STRANGER = "transport_pigeon"


class Operator:
    """Whoever writes the system file, and those who have accounts on that machine."""

    def __init__(self, town: Path, stack: ExitStack, file: Path, server: ForkServer) -> None:
        self._town = town
        self._stack = stack
        self._server = server
        self.file = file
        folder = new_plugin(PluginKind.TRANSPORT, "pigeon", town / "src")
        announce(town / "site", {"network_loopback": "tests.support.loopback_plugin"}, distribution="loopback")
        announce(town / "site", {STRANGER: "balchat_transport_pigeon.plugin"}, distribution="balchat-transport-pigeon")
        path = search_path(town / "site") + f":{folder}"
        self._environment = {"PYTHONPATH": path, "DEPLOYMENT_FILE": str(self.file)}
        self._program = town / "balchat"
        self._program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{PROGRAM}" "$@"\n')
        self._program.chmod(0o700)

    def deploys(self, policy: str, *transports: str, network: str = "network_null") -> None:
        """Write the file, and see that it can be used."""
        text = FILE.format(
            network=network,
            transports="".join(f', "{each}"' for each in transports),
            policy=policy,
            directory=self._town / "net",
            more=SWIFT if "transport_relay" in transports else "",
        )
        self.file.write_text(text)
        found = self.person("Operator").balchat("deployment", "check", str(self.file), "--json")
        assert found.code == 0, found.out + found.err
        said = found.value
        assert (said["policy"], said["works_as"], said["problems"]) == (policy, policy_of(policy, transports), [])
        assert said["locks"] == ["plugins", "delivery.policy"]
        assert {view["name"] for view in said["plugins"]} >= set(transports)

    def person(self, name: str) -> Person:
        """Make somebody on this machine, who has no file of their own."""
        return self._stack.enter_context(
            Person(self._town, name, environment=self._environment, program=str(self._program), server=self._server)
        )

    def people(self, *names: str) -> list[Person]:
        """Make people with accounts that are up."""
        made = [self.person(name) for name in names]
        for each in made:
            each.init()
            each.up()
        return made


def policy_of(policy: str, transports: tuple[str, ...]) -> str:
    return policy if policy != "both" or "transport_relay" in transports else "direct-only"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system") / "deployment.toml"


@pytest.fixture(scope="module")
def server(file: Path) -> Iterator[ForkServer]:
    with ForkServer("tests.support.deployed_fork_server", {"DEPLOYMENT_FILE": str(file)}) as server:
        yield server


@pytest.fixture
def operator(town: Path, file: Path, server: ForkServer) -> Iterator[Operator]:
    with ExitStack() as stack:
        yield Operator(town, stack, file, server)


def reached(state: str) -> Callable[[dict[str, Any]], bool]:
    return lambda event: event["type"] == "message.changed" and event["message"]["state"] == state


def test_direct_only(operator: Operator) -> None:
    operator.deploys("direct-only", "transport_tor_direct")
    alice, bob = operator.people("Alice", "Bob")
    for each in (alice, bob):
        each.wait_online()
    befriend(alice, bob)
    talk(alice, bob, "directly")
    refused = bob.balchat("settings", "set", "delivery.policy", "both", "--json")
    assert (refused.code, refused.error["code"]) == (8, "setting-locked")
    refused = bob.balchat("--set", "delivery.policy=both", "config", "check", "--json")
    assert refused.error["code"] == "configuration-locked"


def test_a_transport_by_somebody_else(operator: Operator) -> None:
    operator.deploys("both", STRANGER)
    alice, bob = operator.people("Alice", "Bob")
    befriend(alice, bob)
    talk(alice, bob, "by pigeon")
    assert list(call(alice, "status.get")["transports"]) == [STRANGER]


@pytest.mark.parametrize(
    ("policy", "transports"),
    [("relay-only", ("transport_relay",)), ("both", ("transport_tor_direct", "transport_relay"))],
)
def test_by_a_relay_while_they_are_never_there_together(
    operator: Operator, relay: Callable[[], Any], policy: str, transports: tuple[str, ...]
) -> None:
    operator.deploys(policy, *transports, network="network_loopback")
    alice, bob = operator.people("Alice", "Bob")
    address = relay().address
    for each in (alice, bob):
        each.ask("relay", "add", address)
    befriend(alice, bob)
    talk(alice, bob, "while both are there")
    bob.down()
    heard = len(alice.events.values)
    call(alice, "messages.send", conversation="Bob", text="while you were away")
    alice.events.until(reached("relayed"), start=heard)
    alice.down()
    bob.up()
    bob.events.until(came("while you were away"))


def test_an_account_under_another_deployment_says_what_that_means_for_what_waits(operator: Operator) -> None:
    operator.deploys("both", "transport_tor_direct", STRANGER)
    alice = operator.person("Alice")
    alice.init()

    def warnings() -> list[str]:
        said = alice.balchat("up", "--detach", "--json", unlock=True)
        assert said.code == 0, said.err
        assert alice.balchat("down").code == 0
        return [json.loads(line)["warning"]["message"] for line in said.err.splitlines()]

    assert warnings() == warnings() == []
    operator.deploys("direct-only", "transport_tor_direct")
    policy, transport = warnings()
    assert policy == "Since this account last ran: delivery.policy is direct-only, and was both."
    assert f"{STRANGER} is not in use any more: what waits for people whom nothing else reaches" in transport
    assert warnings() == []
