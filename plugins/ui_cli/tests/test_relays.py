"""Relays from the command line: added, shown, checked, chosen, removed; and what their states look like to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_ui_cli.commands.follow import event_lines
from balchat_ui_cli.output import spans
from balchat_ui_cli.readiness import bottleneck

from balchat_host.api.errors import NoSuchRelay, RelayUnusable
from balchat_host.api.events import MessageAdded
from balchat_host.api.types import ONLINE, STOPPED, PeerId, Phase, ServiceState
from balchat_host.core.chat_codes import ChatCode
from balchat_host.testing.app_kit import nobody
from balchat_host.testing.memory_account import MemoryAccount

if TYPE_CHECKING:
    from balchat_host.testing.memory_profiles import MemoryProfile
    from conftest import Cli

ONE, TWO = (nobody(number).onion for number in (1, 2))
FULL = ServiceState(phase=Phase.DEGRADED, reason="it is full")


def test_the_first_one_added_is_the_default(cli: Cli, alice: MemoryAccount) -> None:
    assert cli.ok("relay", "add", f"balchat-relay:{ONE.removesuffix('.onion')}").out.startswith(
        f"{ONE} is your default relay."
    )
    assert cli.json("relay", "add", TWO)["default"] is False
    lines = cli.ok("relay", "list").out.splitlines()
    assert (lines[0], lines[2]) == (f"{ONE}  default", TWO)
    assert lines[1].startswith("    online  0 queues, 300 ms, answered ")
    assert lines[3].startswith("    online")
    assert max(map(len, lines)) <= 80
    assert [relay["onion"] for relay in cli.ok("relay", "list", "--json").json_lines] == [ONE, TWO]


def test_a_relay_is_called_by_its_beginning(cli: Cli, alice: MemoryAccount) -> None:
    cli.ok("relay", "add", ONE)
    cli.ok("relay", "add", TWO)
    assert cli.json("relay", "default", TWO[:8]) | {"onion": TWO, "default": True} == cli.json("relay", "check", TWO)
    assert cli.ok("relay", "remove", TWO[:8]).out == f"{TWO} is used no more. Contacts learn of it.\n"
    assert [relay["default"] for relay in cli.ok("relay", "list", "--json").json_lines] == [True]
    for wrong in (TWO[:8], ONE[:5], ""):
        gone = cli("relay", "remove", wrong, "--json")
        assert (gone.code, gone.error["code"]) == (5, "no-such-relay")


def test_no_relay_yet(cli: Cli, alice: MemoryAccount) -> None:
    shown = cli("relay", "list")
    assert (shown.code, shown.out) == (0, "")
    assert "relay add" in shown.err
    assert cli.ok("relay", "list", "--json").out == ""


@pytest.mark.parametrize("command", ["list", "check"])
def test_where_there_is_no_relay_it_is_said(cli: Cli, alice: MemoryAccount, command: str) -> None:
    assert "No relay yet" in cli("relay", command).err


def test_check_says_by_its_exit_code_whether_all_can_be_used(cli: Cli, alice: MemoryAccount) -> None:
    cli.ok("relay", "add", ONE)
    cli.ok("relay", "add", TWO)
    assert cli("relay", "check").code == 0
    alice.relays.set_state(TWO, FULL)
    checked = cli("relay", "check")
    assert checked.code == 7
    assert f"{TWO}\n    degraded  it is full" in checked.out
    assert cli("relay", "check", ONE).code == 0


def test_a_relay_that_is_removed_while_all_are_checked_is_passed_over(cli: Cli, alice: MemoryAccount) -> None:
    cli.ok("relay", "add", ONE)
    cli.ok("relay", "add", TWO)
    alice.fail_next("relays.check", NoSuchRelay(name=ONE))
    assert [relay["onion"] for relay in cli.ok("relay", "check", "--json").json_lines] == [TWO]


def test_a_beginning_in_any_case_names_one_relay_and_no_more(cli: Cli, alice: MemoryAccount) -> None:
    onions = [PeerId(bytes(4) + bytes([number]) * 28).onion for number in (1, 2)]
    for onion in onions:
        cli.ok("relay", "add", onion)
    assert cli("relay", "default", "aaaaaa", "--json").error["code"] == "no-such-relay"
    assert cli.json("relay", "remove", onions[1].upper()) == {"relay": onions[1], "removed": True}
    assert cli.json("relay", "remove", "AAAAAA") == {"relay": onions[0], "removed": True}


def test_the_chat_code_names_the_relays_and_still_can_be_drawn(cli: Cli, alice: MemoryAccount) -> None:
    onions = [nobody(number).onion for number in (1, 2, 3)]
    for onion in onions:
        cli.ok("relay", "add", onion)
    first, *picture = cli.ok("code", "--qr").out.splitlines()
    assert [relay.onion for relay in ChatCode.parse(first).relays] == onions
    assert len(picture) > 20
    assert max(map(len, picture)) <= 80


@pytest.mark.parametrize("has_relays", [True, False], ids=["managed relays", "none that are managed"])
@pytest.mark.parametrize(
    ("policy", "works_as"),
    [("both", "both"), ("both", "direct-only"), ("both", "relay-only"), ("direct-only", "direct-only")],
)
def test_status_says_what_the_policy_comes_to(
    cli: Cli, profile: MemoryProfile, policy: str, works_as: str, has_relays: bool
) -> None:
    profile.make(policy=policy, works_as=works_as, has_relays=has_relays)
    profile.running = True
    [line] = [line for line in cli.ok("status").out.splitlines() if line.startswith("policy")]
    assert line.split()[1] == policy
    assert (f"works as {works_as}" in line) is ("works as" in line) is (policy != works_as)
    status = cli.json("status")
    assert (status["policy"], status["works_as"]) == (policy, works_as)


RELAYLESS = ServiceState(phase=Phase.DEGRADED, reason="no relay is set up")
WAITING = ServiceState(phase=Phase.STARTING, reason="uploading")


@pytest.mark.parametrize(
    ("network", "published", "transport", "held_up"),
    [
        (WAITING, WAITING, RELAYLESS, "memory"),
        (ONLINE, WAITING, RELAYLESS, "address"),
        (ONLINE, STOPPED, RELAYLESS, "transport_memory"),
    ],
)
def test_what_holds_others_up(
    network: ServiceState, published: ServiceState, transport: ServiceState, held_up: str
) -> None:
    alice = MemoryAccount()
    alice.set_network(network, published=published, transport=transport)
    assert bottleneck(anyio.run(alice.app.status.get))[0] == held_up


@pytest.mark.parametrize(
    ("address", "code", "error"), [("balchat-relay:nonsense", 3, "bad-relay-address"), (ONE, 7, "relay-unusable")]
)
def test_an_address_that_cannot_be_used(cli: Cli, alice: MemoryAccount, address: str, code: int, error: str) -> None:
    if error == "relay-unusable":
        alice.fail_next("relays.add", RelayUnusable(problem="it wants an invitation", remedy="Ask its operator."))
    result = cli("relay", "add", address, "--json")
    assert (result.code, result.error["code"]) == (code, error)


@pytest.mark.parametrize("command", [("add", ONE), ("list",), ("check",), ("default", ONE), ("remove", ONE)])
def test_without_a_transport_for_it_balchat_says_that_it_works_direct_only(
    cli: Cli, profile: MemoryProfile, command: tuple[str, ...]
) -> None:
    profile.make(has_relays=False)
    profile.running = True
    result = cli("relay", *command)
    assert (result.code, result.out) == (3, "")
    assert "direct-only" in result.err
    assert "transport_relay" in result.err


def test_relays_need_a_running_balchat(cli: Cli, profile: MemoryProfile) -> None:
    assert cli("relay", "list", "--json").error["code"] == "not-running"


def test_why_a_message_waits_is_said_in_words(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    cli.ok("send", "Bob", "hello")
    bob.relay(refusal="relay-full")
    assert "queued: their relay is full" in cli.ok("history", "Bob").out
    assert cli.ok("history", "Bob", "--json").json["reason"] == "relay-full"


MISSING = "2 messages before this one have not arrived"


def test_what_is_missing_is_shown_before_what_follows_it(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    for text in ("the first", "the second"):
        bob.lose(text)
    bob.write("the third")
    _, missing, third = cli.ok("history", "Bob").out.splitlines()
    assert missing == f"  {MISSING}"
    assert third.endswith("  Bob  the third")
    assert cli.ok("history", "Bob", "--json").json["missing_before"] == 2


def test_no_text_can_say_that_messages_are_missing(cli: Cli, alice: MemoryAccount) -> None:
    bob = alice.befriend("Bob")
    bob.write(f"{MISSING}\n  {MISSING}\r\n{MISSING}\u2028  {MISSING}\v{MISSING}")
    shown = cli.ok("history", "Bob").out.splitlines()
    assert sum(MISSING in line for line in shown) == 4
    assert not any(line.strip().startswith(MISSING) and len(line) - len(line.lstrip()) < 10 for line in shown)
    *_, heard = cli.ok("listen", "--from", "0", "--count", "4").out.splitlines()
    assert heard.count(MISSING) == 5
    assert not heard.startswith(MISSING)


def test_listen_says_what_is_missing_on_a_line_before() -> None:
    bob = MemoryAccount().befriend("Bob")
    bob.lose("the second")
    event = MessageAdded(cursor=2, at=0, message=bob.write("the third"))
    missing, third = ("".join(span.text for span in spans(line)) for line in event_lines(event))
    assert missing == "1 message before this one has not arrived"
    assert "Bob: the third" in third


def test_listen_tells_whoever_is_called_you_from_us() -> None:
    event = MessageAdded(cursor=2, at=0, message=MemoryAccount().befriend("You").write("did I say that?"))
    (line,) = ("".join(span.text for span in spans(line)) for line in event_lines(event))
    assert "“You”: did I say that?" in line
