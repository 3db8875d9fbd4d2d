"""The identity onion and the device onion of real accounts over a private Tor network."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from balchat_network_tor.network import TorNetwork
from balchat_network_tor.settings import TorSettings
from balchat_network_tor.testing import PrivateTorNetwork
from balchat_transport_tor_direct.device_route import own_route
from balchat_transport_tor_direct.settings import DirectSettings
from balchat_transport_tor_direct.transport import DirectTransport

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.network import NetworkContext
from balchat_host.api.transport import Outcome
from balchat_host.api.types import Phase
from balchat_host.testing.fake_transport_context import FakeTransportContext
from balchat_host.testing.virtual_network import ignore_state
from balchat_host.testing.waiting import running
from tests.support.people import Person

pytestmark = pytest.mark.tor

MakePerson = Callable[..., Person]
PATIENCE = 180


def asked(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "request.received")


def active(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "contact.changed" and event["contact"]["state"] == "active")


def meet(alice: Person, bob: Person) -> None:
    alice.ask("contacts", "add", bob.code())
    bob.events.until(asked)
    bob.ask("requests", "accept", alice.name)
    alice.events.until(active)


def talk(alice: Person, bob: Person) -> None:
    """Let each write something that arrives."""
    for one, other in ((alice, bob), (bob, alice)):
        assert one.send(other.name, "hello", "--wait", "delivered")["state"] == "delivered"


def test_requests_are_off_and_contacts_go_on_talking(onion_person: MakePerson) -> None:
    alice, bob, carol = (onion_person(name) for name in ("Alice", "Bob", "Carol"))
    code = alice.code()
    meet(bob, alice)
    alice.ask("requests", "off")
    alice.states.until(
        lambda told: (
            (told["accepts_requests"], told["identity_onion"]["phase"], told["device_onion"]["phase"])
            == (False, "stopped", "online")
        )
    )
    # Whoever finds her now does so by what contacts know.
    bob.down()
    bob.up()
    bob.wait_online()
    talk(bob, alice)
    carol.ask("contacts", "add", code)
    talk(alice, bob)
    assert alice.ask("requests", "list") == []
    alice.ask("requests", "on")
    assert alice.events.until(lambda event: asked(event) and event["request"]["name"] == "Carol")


def test_two_who_have_both_gone_on_from_backups_find_each_other(
    onion_person: MakePerson, town: Path, private_tor_network: PrivateTorNetwork
) -> None:
    """Both have new device onions, so each knows of the other only routes that lead nowhere."""
    alice, bob = onion_person("Alice"), onion_person("Bob")
    meet(alice, bob)
    talk(alice, bob)
    configuration = f"[settings.network_tor]\ntorrc = {json.dumps(private_tor_network.torrc_lines())}\n"
    for person in (alice, bob):
        person.ask("backup", str(town / f"of {person.name}"))
        person.down()
    with (
        Person(town, "NewAlice", configuration=configuration) as new_alice,
        Person(town, "NewBob", configuration=configuration) as new_bob,
    ):
        for new, old in ((new_alice, alice), (new_bob, bob)):
            new.passphrase = old.passphrase
            new.ask("restore", str(town / f"of {old.name}"), unlock=True)
            new.name = old.name
            new.up()
        for new in (new_alice, new_bob):
            new.wait_online()
        talk(new_alice, new_bob)


@pytest.mark.anyio
async def test_a_stranger_at_the_device_onion_is_turned_away(
    private_tor_network: PrivateTorNetwork, tmp_path: Path
) -> None:
    settings = TorSettings(torrc=private_tor_network.torrc_lines())
    networks = [
        TorNetwork(NetworkContext(directory=tmp_path / name, on_state=ignore_state), settings)
        for name in ("alice", "carol")
    ]
    alice, carol = (FakeTransportContext(network) for network in networks)
    alice.contacts = set()
    transports = [DirectTransport(context, DirectSettings()) for context in (alice, carol)]
    async with running(*networks), running(*transports):
        with anyio.fail_after(PATIENCE):
            for context in (alice, carol):
                await context.states.reach(Phase.ONLINE, patience=PATIENCE)
            route = replace(await own_route(alice), device_id=alice.device_id)
            with pytest.raises(PeerUnreachable, match="does not want to talk"):
                await transports[1].send(alice.identity, [route], [])
            assert alice.nearness.all == []
            alice.contacts = {carol.identity}
            sent = carol.outgoing(b"now I am a contact")
            await transports[1].send(alice.identity, [route], sent)
            assert await carol.finals(sent, patience=PATIENCE) == [Outcome.DELIVERED]
