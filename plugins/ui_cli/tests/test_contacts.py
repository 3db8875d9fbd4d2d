from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import segno

from balchat_host.api.views import RouteView
from balchat_host.core import content
from balchat_host.core.safety import safety_number
from balchat_host.testing.app_kit import nobody

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from balchat_host.testing.memory_account import MemoryAccount
    from balchat_host.testing.memory_profiles import MemoryProfile
    from conftest import Cli

BOB = nobody().onion


def test_add_while_balchat_runs(cli: Cli, alice: MemoryAccount) -> None:
    added = cli.ok("contacts", "add", BOB, "--name", "Bob")
    assert "Bob is added" in added.out
    assert cli.json("contacts", "list")["onion"] == BOB


def test_add_without_balchat_says_that_nothing_runs(cli: Cli, profile: MemoryProfile, key: str) -> None:
    added = cli("contacts", "add", BOB, "--name", "Bob", key)
    assert added.code == 0
    assert "not running" in added.err
    assert cli.json("contacts", "list", key)["onion"] == BOB


def test_add_gives_the_contact_as_json(cli: Cli, alice: MemoryAccount) -> None:
    contact = cli.json("contacts", "add", BOB, "--name", "Bob", "--introduction", "Alice, from the library")
    assert contact == {
        "name": "Bob",
        "peer_id": nobody().octets.hex(),
        "onion": BOB,
        "conversation": cli.json("contacts", "list")["conversation"],
        "state": "adding",
        "verified": False,
        "blocked": False,
        "unread": 0,
        "reachable": False,
        "reason": None,
        "alarm": None,
        "renewed_by_us": None,
        "renewed_by_them": None,
    }


@pytest.mark.parametrize(
    ("code", "error"), [("balchat:nonsense", "bad-chat-code"), ("own", "own-chat-code"), (BOB, "already-a-contact")]
)
def test_a_code_that_cannot_be_added(cli: Cli, alice: MemoryAccount, code: str, error: str) -> None:
    cli.ok("contacts", "add", BOB, "--name", "Bob")
    result = cli("contacts", "add", alice.peer.onion if code == "own" else code, "--json")
    assert (result.code, result.error["code"]) == (3, error)


def test_add_by_a_picture_of_a_code(cli: Cli, alice: MemoryAccount, tmp_path: Path) -> None:
    pytest.importorskip("zxingcpp", reason="pictures are an extra")
    picture = tmp_path / "bob.png"
    segno.make(f"balchat:{BOB.removesuffix('.onion')}?name=Bob", error="m").save(str(picture), scale=4)
    assert cli.json("contacts", "add", "--picture", str(picture))["name"] == "Bob"
    assert cli("contacts", "add", BOB, "--picture", str(picture)).code == 3
    assert cli("contacts", "add").code == 3
    for octets in (b"", b"no picture", picture.read_bytes()[:100], bytes(8 * 1024 * 1024 + 1)):
        picture.write_bytes(octets)
        assert cli("contacts", "add", "--picture", str(picture), "--json").error["code"] == "bad-input"
    assert cli("contacts", "add", "--picture", str(tmp_path), "--json").error["code"] == "bad-input"


def test_list(cli: Cli, alice: MemoryAccount) -> None:
    theirs = alice.befriend("Bob")
    theirs.come_online()
    theirs.write("hello")
    asked = alice.stranger("Carol")
    cli.ok("contacts", "add", asked.code)
    asked.receive_request()
    bob, carol = cli.ok("contacts", "list").out.splitlines()
    assert bob == "Bob    active, not verified, reachable, 1 unread"
    assert carol == "Carol  asked: the request waits for their approval"
    assert [contact["name"] for contact in cli.ok("contacts", "list", "--json").json_lines] == ["Bob", "Carol"]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no-key-package", "not reached yet: no relay that you use, or that their chat code names, knows them"),
        ("relay-unreachable", "not reached yet: a relay where they could be found cannot be reached"),
        (
            "unsupported-mls",
            "not reached yet: their balchat uses a version, cipher suite or extensions of MLS that this one does not",
        ),
        (
            "bad-credential",
            "not reached yet: the KeyPackage that came from them, or from their relay, is not theirs",
        ),
        (
            "sending-failed",
            "not reached yet: sending to them failed unexpectedly and is tried again; please report this",
        ),
        ("something-new", "not reached yet: something-new"),
        (None, "not reached yet"),
    ],
)
def test_why_somebody_is_not_reached_is_said(cli: Cli, alice: MemoryAccount, reason: str | None, words: str) -> None:
    bob = alice.stranger("Bob")
    cli.ok("contacts", "add", bob.code)
    bob.set_reason(reason)
    assert cli.ok("contacts", "list").out == f"Bob  {words}\n"


def test_an_alarm_is_said_in_words_and_stands_with_the_contact(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    before = str(anyio.run(alice.app.events.cursor))
    bob.write_content(content.STATUS, content.encode_status([(bytes(32), content.MessageStatus.READ)]))
    heard = cli.ok("listen", "--from", before, "--count", "1").out
    assert "Bob has something in your name that was not written here: somebody else may hold your keys" in heard
    assert cli.ok("listen", "--from", before, "--count", "1", "--json").json["kind"] == "foreign-message"
    assert "somebody else may hold your keys: `balchat info`" in cli.ok("contacts", "list").out
    assert "somebody else may hold your keys" in cli.ok("status").out
    assert cli.ok("contacts", "list", "--json").json["alarm"] == "foreign-message"


def test_keys_are_renewed_and_it_is_said_when(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    first = cli.json("info", "Bob")["contact"]["renewed_by_us"]
    alice.pass_time(2 * 24 * 3600)
    assert cli.ok("contacts", "renew", "Bob").out.startswith("The keys with Bob are renewed as soon as")
    bob.receive()  # that a KeyPackage is wanted
    bob.receive()
    shown = cli.ok("info", "Bob").out
    assert re.search(r"^keys +renewed \S+ \S+ by you$", shown, re.MULTILINE)
    assert re.search(r"^ +keys renewed \S+ \S+ by you$", cli.ok("status").out, re.MULTILINE)
    known = cli.json("info", "Bob")
    assert known["contact"]["renewed_by_us"] > first
    assert not known["contact"]["renewed_by_them"]
    assert len(known["devices"]) == 1


def test_how_a_contact_is_reached_is_shown(cli: Cli, alice: MemoryAccount) -> None:
    bob, device, relay = alice.befriend("Bob"), nobody(), nobody()
    alice.routes_to[bob.core.peer] = [
        RouteView(transport="transport_tor_direct", direct=True, onion=device.onion, device="5d"),
        RouteView(transport="transport_relay", direct=False, onion=relay.onion, device="5d", until=1_800_000_000_000),
        RouteView(transport="transport_drop", direct=False),
    ]
    shown = cli.ok("info", "Bob").out
    assert f"reached     directly (tor direct), {device.onion}\n" in shown
    assert f"            by the relay {relay.onion}, until 2027-01-15 " in shown
    assert "            by a relay (drop)\n" in shown
    assert [route["until"] for route in cli.json("info", "Bob")["routes"]] == [None, 1_800_000_000_000, None]


def test_an_alarm_is_explained_and_dealt_with_by_renewing(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    for _ in range(2):
        bob.write_content(content.STATUS, content.encode_status([(bytes(32), content.MessageStatus.READ)]))
    shown = " ".join(cli.ok("info", "Bob").out.split())
    assert "alarm Bob has something in your name that was not written here: somebody else may hold your keys" in shown
    assert "2 times" in shown
    assert "`balchat contacts renew Bob`" in shown
    assert cli.json("info", "Bob")["alarms"][0]["kind"] == "foreign-message"
    cli.ok("contacts", "renew", "Bob")
    assert "alarm" not in cli.ok("info", "Bob").out


def test_info_of_notes_to_ourselves(cli: Cli, alice: MemoryAccount) -> None:
    assert cli.ok("info", "me").out.startswith("Notes to self")
    assert cli.json("info", "me")["kind"] == "self"


def test_keys_cannot_be_renewed_with_somebody_who_has_not_answered(cli: Cli, alice: MemoryAccount) -> None:
    cli.ok("contacts", "add", BOB, "--name", "Bob")
    refused = cli("contacts", "renew", "Bob")
    assert refused.code == 3
    assert "before you can write to each other" in refused.err


def test_an_empty_list_is_no_line(cli: Cli, alice: MemoryAccount) -> None:
    assert cli.ok("contacts", "list", "--json").out == ""
    empty = cli("contacts", "list")
    assert (empty.code, empty.out) == (0, "")
    assert "contacts add" in empty.err


def test_rename_block_unblock(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    assert cli.ok("contacts", "rename", "Bob", "Robert").out == "Bob is now called Robert.\n"
    assert cli.json("contacts", "block", "Robert")["blocked"] is True
    assert cli.ok("contacts", "list").out == "Robert  blocked\n"
    assert cli.ok("contacts", "unblock", "Robert").out == "Robert is no longer blocked.\n"


def test_a_contact_can_be_called_by_its_address(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    assert cli.json("contacts", "block", bob.onion)["name"] == "Bob"


def test_verify_shows_the_number_in_groups(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    number = cli.json("contacts", "verify", "Bob")["safety_number"].replace(" ", "")
    shown = cli.ok("contacts", "verify", "Bob").out
    assert len(number) == 60
    groups = [number[start : start + 5] for start in range(0, 60, 5)]
    assert shown.split()[-12:] == groups
    assert bob.contact.verified is False


def test_verify_with_the_right_number_in_any_spelling(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    number = cli.json("contacts", "verify", "Bob")["safety_number"]
    digits = number.replace(" ", "")
    spelt = " ".join(digits[start : start + 4] for start in range(0, 60, 4))
    assert cli.json("contacts", "verify", "Bob", spelt) == {"contact": "Bob", "safety_number": number, "verified": True}


def test_verify_with_another_number(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    result = cli("contacts", "verify", "Bob", "12345" * 12, "--json")
    assert (result.code, result.error["code"]) == (3, "safety-number-differs")
    assert bob.contact.verified is False


def test_verify_asks_for_the_passphrase_once(
    cli: Cli, profile: MemoryProfile, pipe_with: Callable[[bytes], int]
) -> None:
    bob = profile.account.befriend("Bob")
    number = safety_number(profile.account.peer, bob.core.peer)
    once = str(pipe_with(b"correct horse battery staple\n"))
    assert cli("contacts", "verify", "Bob", number, "--passphrase-fd", once).code == 0


def test_remove_needs_a_yes(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    refused = cli("contacts", "remove", "Bob")
    assert refused.code == 3
    assert "--yes" in refused.err
    assert cli.json("contacts", "list")["name"] == "Bob"
    assert cli.json("contacts", "remove", "Bob", "--yes") == {"name": "Bob", "removed": True}
    assert cli.ok("contacts", "list", "--json").out == ""


def test_a_contact_is_called_by_every_spelling_of_name_and_address(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Stra\u00dfe")
    for called in ("STRASSE", bob.onion.upper(), bob.onion.removesuffix(".onion"), bob.peer_id.upper()):
        assert cli.json("contacts", "verify", called)["contact"] == bob.name
        assert cli("history", called).code == 0
    assert cli("chat", "strasse", "--json").code == 0
    assert cli("contacts", "remove", bob.onion, "--yes").code == 0


def test_an_address_is_no_name_of_somebody_else(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    address = nobody(3).onion
    for arguments in (
        ["contacts", "rename", "Bob", address],
        ["contacts", "add", nobody(4).onion, "--name", address],
    ):
        result = cli(*arguments, "--json")
        assert (result.code, result.error["code"]) == (3, "bad-input")
    for arguments in (["send", address, "hello"], ["history", address]):
        assert cli(*arguments).code == 5
    assert cli("requests", "accept", address).code == 5


def test_an_unknown_contact(cli: Cli, alice: MemoryAccount) -> None:
    for arguments in (
        ["contacts", "rename", "Bbo", "Bob"],
        ["contacts", "verify", "Bbo"],
        ["contacts", "block", "Bbo"],
        ["contacts", "remove", "Bbo", "--yes"],
        ["history", "Bbo"],
        ["send", "Bbo", "hello"],
        ["chat", "Bbo", "--json"],
    ):
        result = cli(*arguments)
        assert result.code == 5
        assert "Bbo" in result.err


def test_switching_requests_says_what_that_means(cli: Cli, alice: MemoryAccount) -> None:
    assert "your contacts go on" in cli.ok("requests", "off").out
    assert cli.json("requests", "off")["value"] is False
    assert cli.ok("requests", "on").out == "Strangers may ask you for contact.\n"


def test_requests(cli: Cli, alice: MemoryAccount) -> None:
    alice.stranger("Dave").ask("Dave from the choir,\nhello!")
    [request] = cli.ok("requests", "list", "--json").json_lines
    assert (request["name"], request["introduction"]) == ("Dave", "Dave from the choir,\nhello!")
    head, *said = cli.ok("requests", "list").out.splitlines()
    assert head.startswith("Dave  ")
    assert request["onion"] in head
    assert [line.strip() for line in said] == ["Dave from the choir,", "hello!"]

    accepted = cli.json("requests", "accept", "Dave", "--name", "Dave W.")
    assert (accepted["name"], accepted["state"]) == ("Dave W.", "active")
    empty: Any = cli("requests", "list")
    assert (empty.out, empty.err) == ("", "Nobody is waiting.\n")


def test_reject(cli: Cli, alice: MemoryAccount) -> None:
    dave = alice.stranger("Dave").ask()
    assert cli.json("requests", "reject", dave.onion) == {"peer_id": dave.peer_id, "rejected": True}
    again = cli("requests", "reject", "Dave", "--json")
    assert (again.code, again.error["code"]) == (5, "no-such-request")


def test_who_asks_can_be_blocked(cli: Cli, alice: MemoryAccount) -> None:
    dave = alice.stranger("Dave").ask()
    blocked = cli.json("requests", "block", "Dave")
    assert (blocked["name"], blocked["peer_id"], blocked["blocked"]) == ("Dave", dave.peer_id, True)
    assert "Nobody is waiting." in cli("requests", "list").err
    assert "Dave" not in cli("conversations", "list").out
    assert cli.json("contacts", "unblock", "Dave")["blocked"] is False


def test_a_name_that_is_taken_keeps_nobody_from_being_blocked(cli: Cli, alice: MemoryAccount) -> None:
    alice.befriend("Bob")
    other = alice.stranger("Bob").ask()
    assert cli.json("requests", "block", other.peer_id)["name"] != "Bob"
