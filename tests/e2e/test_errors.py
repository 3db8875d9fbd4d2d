"""Whatever goes wrong: one clear line, an exit code that differs by kind, and nothing lost."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from socket import socket

import pytest
from balchat_network_tor.testing import PrivateTorNetwork
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from balchat_host.api.errors import BadOnionAddress
from balchat_host.api.types import PeerId
from tests.support.announcing import announce
from tests.support.people import Person
from tests.support.programs import Said

MakePerson = Callable[..., Person]

FUTURE_PLUGIN = """
from balchat_host.api.descriptors import CryptoDescriptor
from balchat_host.api.hookspecs import hookimpl


@hookimpl
def balchat_crypto_engines():
    return [CryptoDescriptor(name="future", summary="From later", api_version=99, factory=lambda settings: None)]
"""
NO_TOR = '[settings.network_tor]\ntor = "/nonexistent/tor"\n'


def refused(said: Said, exit_code: int, code: str) -> str:
    """Check what a command with --json failed with; return its message."""
    assert (said.code, said.error["code"]) == (exit_code, code), said.err
    return said.error["message"]


def is_onion(address: str) -> bool:
    try:
        PeerId.from_onion(address)
    except BadOnionAddress:
        return False
    return True


def vault_files(person: Person) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (person.profile / "vault").rglob("*") if path.is_file()}


def test_a_wrong_passphrase_opens_nothing_and_changes_nothing(person: MakePerson) -> None:
    alice = person("Alice")
    before = vault_files(alice)
    right, alice.passphrase = alice.passphrase, "something else entirely"
    message = refused(alice.balchat("contacts", "list", "--json", unlock=True), 4, "wrong-secret")
    assert "passphrase" in message
    assert vault_files(alice) == before
    alice.passphrase = right
    assert alice.ask("contacts", "list", unlock=True) == []


def test_a_vault_that_was_damaged_or_cut_is_left_as_it_is(person: MakePerson) -> None:
    alice = person("Alice")
    largest = max((alice.profile / "vault").rglob("*"), key=lambda path: path.stat().st_size)
    whole = largest.read_bytes()
    flipped = bytearray(whole)
    flipped[100] ^= 1  # in the first page, which is always read
    for damaged in (bytes(flipped), whole[: len(whole) // 2]):
        largest.write_bytes(damaged)
        refused(alice.balchat("contacts", "list", "--json", unlock=True), 12, "vault-damaged")
        refused(alice.balchat("init", "--name", "Alice", "--json", unlock=True), 3, "account-exists")
        assert largest.read_bytes() == damaged
    largest.write_bytes(whole)
    assert alice.ask("contacts", "list", unlock=True) == []


def test_a_mistyped_code_says_what_is_wrong_with_it_and_my_own_is_told_apart(person: MakePerson) -> None:
    alice, bob = person("Alice"), person("Bob")
    code = bob.code()
    scheme, address = code[:8], code[8:64]
    # The checksum has two octets: where one change of a random address keeps it, which is rare, another does not.
    changed = [address[:12] + letter + address[13:] for letter in "ab234567" if letter != address[12]]
    mistyped = next(each for each in changed if not is_onion(each))
    message = refused(alice.balchat("contacts", "add", scheme + mistyped, "--json", unlock=True), 3, "bad-chat-code")
    assert "checksum" in message
    message = refused(alice.balchat("contacts", "add", code[:50], "--json", unlock=True), 3, "bad-chat-code")
    assert "needs 56" in message
    refused(alice.balchat("contacts", "add", alice.code(), "--json", unlock=True), 3, "own-chat-code")
    assert alice.ask("contacts", "list", unlock=True) == []


def test_without_tor_balchat_says_what_to_install(person: MakePerson) -> None:
    alice = person("Alice", NO_TOR)
    said = alice.balchat("up", "--json", unlock=True)
    assert "apt install tor" in refused(said, 7, "tor-missing")


@pytest.mark.parametrize(
    ("version", "code"),
    [("0.3.5.8", "tor-too-old"), ("no version at all", "tor-missing")],
)
def test_a_tor_that_will_not_do_is_named(person: MakePerson, town: Path, version: str, code: str) -> None:
    program = town / "tor"
    program.write_text(f"#!/bin/sh\necho 'Tor version {version}.'\n")
    program.chmod(0o700)
    alice = person("Alice", f'[settings.network_tor]\ntor = "{program}"\n')
    said = alice.balchat("up", "--json", unlock=True)
    assert said.code == 7
    assert said.error["code"] in {code, "network-unavailable"}


def test_an_unknown_key_names_file_key_and_the_nearest(person: MakePerson) -> None:
    alice = person("Alice")
    alice.configure('[delivery]\npolicyy = "both"\n')
    message = refused(alice.balchat("contacts", "list", "--json", unlock=True), 8, "configuration")
    assert "balchat.toml" in message
    assert "delivery.policyy" in message
    assert "delivery.policy" in message.replace("delivery.policyy", "")
    alice.configure("")
    assert alice.ask("contacts", "list", unlock=True) == []


@pytest.mark.parametrize(
    ("name", "role", "problem"),
    [
        ("missing", "", "installed"),
        ("raises", 'network = "raises"\n', "RuntimeError"),
        ("future", 'crypto = "future"\n', "99"),
    ],
)
def test_a_plugin_that_is_absent_or_cannot_be_done_without_is_named_and_stops_the_start(
    person: MakePerson, town: Path, name: str, role: str, problem: str
) -> None:
    plugins = town / "plugins"
    announce(plugins, {"raises": "raises_plugin", "future": "future_plugin"})
    (plugins / "raises_plugin.py").write_text("raise RuntimeError('no')\n")
    (plugins / "future_plugin.py").write_text(FUTURE_PLUGIN)
    alice = person("Alice")
    enabled = ["storage_sqlcipher", "crypto_mls", "network_tor", "transport_tor_direct", "ui_rpc", "ui_cli", name]
    alice.configure(f"[plugins]\n{role}enabled = {enabled!r}\n".replace("'", '"'))
    os.environ["PYTHONPATH"] = str(plugins)
    try:
        somebody = Person(town, "Alice", configuration=(alice.profile / "balchat.toml").read_text())
    finally:
        del os.environ["PYTHONPATH"]
    message = refused(somebody.balchat("contacts", "list", "--json", unlock=True), 9, "plugin")
    assert name in message
    assert problem in message


@pytest.mark.tor
def test_a_tor_that_cannot_bootstrap_is_shown_and_what_is_written_waits(
    person: MakePerson, private_tor_network: PrivateTorNetwork
) -> None:
    with socket() as closed:  # nobody listens there, and nobody else can
        closed.bind(("127.0.0.1", 0))
        torrc = [*private_tor_network.torrc_lines(), f"HTTPSProxy 127.0.0.1:{closed.getsockname()[1]}"]
        alice = person("Alice", f"[settings.network_tor]\ntorrc = {json.dumps(torrc)}\n")
        alice.up()
        alice.states.until(lambda status: "refused" in (status["network"]["network_tor"]["reason"] or "").lower())
        assert alice.ask("status")[0]["identity_onion"]["phase"] == "starting"
        alice.ask("contacts", "add", some_onion(1), "--name", "Bob")
        alice.send("Bob", "when the network lets us")
        [message] = alice.history("Bob")
        assert (message["text"], message["state"]) == ("when the network lets us", "queued")
        alice.down()

    alice.configure(f"[settings.network_tor]\ntorrc = {json.dumps(private_tor_network.torrc_lines())}\n")
    alice.up()
    alice.wait_online()
    assert alice.history("Bob") == [message]


@pytest.mark.tor
def test_a_second_process_on_the_same_vault_is_turned_away(onion_person: MakePerson) -> None:
    alice = onion_person("Alice")
    refused(alice.balchat("up", "--json", unlock=True), 6, "already-running")


@pytest.mark.tor
def test_an_idle_account_with_a_hundred_contacts_takes_little(onion_person: MakePerson) -> None:
    alice = onion_person("Alice")
    with alice.socket() as socket:
        for number in range(100):
            socket.call("contacts.add", code=some_onion(number), name=f"contact {number}")
    status = Path(f"/proc/{alice.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))
    assert resident < 150 * 1024, "kilobytes, without tor's own"


def some_onion(number: int) -> str:
    key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return PeerId(key.public_key().public_bytes_raw()).onion
