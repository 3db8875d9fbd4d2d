"""An exception that nobody foresaw ends what caused it and nothing wider; the log names its type and nothing else.

Each test plants one at another place, and shows that other contacts' traffic goes on, on the same connections.
"""

from __future__ import annotations

import logging
from os import urandom
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_relay_proto import cards, parts
from balchat_relay_proto.capabilities import inbox_id
from balchat_relay_proto.frames import Subscribe
from balchat_relay_proto.replies import Claimed
from balchat_relay_proto.requests import Claim, Create, GetStatus, Put
from balchat_relay_proto.sealing import OpeningKey
from balchat_transport_relay import client, push_session, queue_receiver, queue_sender, websocket
from balchat_transport_relay.address import Destination
from balchat_transport_relay.inbox_maintainer import InboxMaintainer
from balchat_transport_relay.relay_worker import RelayWorker

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Disposition, Outcome, Verdict
from balchat_host.api.types import ONLINE, OwnOnion
from balchat_host.testing.fake_transport_context import FakeTransportContext, commit_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Account

pytestmark = pytest.mark.anyio
HOUR = 3600.0
SECRET = "what-nobody-may-log"


class Panic(BaseException):
    """As what a library in Rust raises: no Exception."""


KINDS = [
    Panic(SECRET),
    KeyError(SECRET),
    RuntimeError(SECRET),
    ValueError(SECRET),
    AssertionError(SECRET),
    RecursionError(SECRET),
]


@pytest.fixture
def anyio_backend(virtual_time):
    return virtual_time


@pytest.fixture(autouse=True)
def nothing_but_types_is_logged(caplog) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        assert SECRET not in record.getMessage()
        assert record.exc_info is None


async def both_talk(world_relay, alice: Account, carol: Account, bob: Account, *, word: bytes) -> None:
    """See that both contacts' words arrive, and that nothing is left at the relay."""
    for contact in (alice, carol):
        await contact.insist(bob, word + contact.peer.octets)
        await bob.host.received.until(
            lambda received, contact=contact: word + contact.peer.octets in [each.envelope for each in received],
            patience=48 * HOUR,
        )
    await world_relay.until(lambda: not world_relay.waiting)


def once(function, error: BaseException, *, at: int = 1):
    """Raise an error once, instead of the call with this number."""
    calls = 0

    def called(*arguments, **named):
        nonlocal calls
        calls += 1
        if calls == at:
            raise error
        return function(*arguments, **named)

    return called


# -- the host


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
async def test_the_host_raises_at_one_envelope(world, error, caplog) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = {each: await bob.transport.allocate_routes(each.peer) for each in (alice, carol)}
            await bob.online()

            def answer(source, envelope):
                if envelope == b"poison" and anyio.current_time() < began + 600:
                    raise error
                return commit_all(source, envelope)

            began = anyio.current_time()
            bob.host.answer = answer
            await alice.send(bob, b"one", b"poison", b"two", routes=routes[alice])
            await carol.send(bob, b"three", routes=routes[carol])
            await relay.until(lambda: len(relay.waiting) == 1)
            assert anyio.current_time() - began < 60
            assert {each.envelope for each in bob.host.received.all} == {b"one", b"two", b"three"}
            assert bob.host.states.all[-1] == ONLINE
            # It was no more than skipped: it comes again by itself, over the same subscription.
            await relay.until(lambda: not relay.waiting)
            assert b"poison" in [each.envelope for each in bob.host.received.all]
            queues = [each.queue for each in relay.asked_for(Subscribe)]
            assert len(queues) == len(set(queues))
            assert f"receiving what came from a relay failed ({type(error).__name__})" in caplog.messages


class WrongCount(FakeTransportContext):
    """Gives no answer to what begins with x."""

    async def receive(self, source, envelopes, *, relay=None):
        dispositions = await super().receive(source, envelopes, relay=relay)
        return [each for each, envelope in zip(dispositions, envelopes, strict=True) if not envelope.startswith(b"x")]


async def test_the_host_answers_fewer_than_it_was_given(world) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay, host=WrongCount) as bob:
            await alice.send(bob, b"1", b"x", b"2")
            await relay.until(lambda: not relay.waiting)
            assert {b"1", b"2"} <= {each.envelope for each in bob.host.received.all}
            await both_talk(relay, alice, carol, bob, word=b"hello")


async def test_every_strangers_envelope_is_poison(world) -> None:
    """Somebody has found our bug, and fills the inbox with it: contacts notice nothing, and it is given up."""
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:

            def answer(source, envelope):
                if envelope.startswith(b"poison"):
                    raise KeyError(SECRET)
                return commit_all(source, envelope)

            bob.host.answer = answer
            await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            await alice.send(
                bob, *[b"poison %d" % number for number in range(64)], routes=alice.transport.first_routes(bob.peer)
            )
            for contact in (alice, carol):
                await contact.send(bob, b"hello " + contact.peer.octets)
            inbox = relay.boxes[inbox_id(bob.peer.octets)]
            await relay.until(lambda: len(relay.waiting) == len(inbox.stored) == 64)
            began = anyio.current_time()
            await relay.until(lambda: not inbox.stored)
            assert anyio.current_time() - began < 2 * HOUR
            await both_talk(relay, alice, carol, bob, word=b"still here")


class FailingSigner(FakeTransportContext):
    """Cannot sign while `failing`."""

    failing = False

    async def sign(self, *, domain, message, signer=OwnOnion.IDENTITY):
        if self.failing:
            raise KeyError(SECRET)
        return await super().sign(domain=domain, message=message, signer=signer)


async def test_signing_fails(world) -> None:
    """The inbox cannot be had; conversations need no signature, and go on."""
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay, host=FailingSigner) as bob:
            for contact in (alice, carol):
                await bob.transport.allocate_routes(contact.peer)
            await bob.online()
            bob.host.failing = True
            relay.hang_up()
            await bob.degraded("our own program failed")
            await both_talk(relay, alice, carol, bob, word=b"hello")
            bob.host.failing = False
            await bob.online()


# -- our own handling of what comes


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["unseal", "envelope_id", "Part"])
async def test_opening_an_envelope_fails(world, monkeypatch, error, place) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            routes = {each: await bob.transport.allocate_routes(each.peer) for each in (alice, carol)}
            await bob.online()
            if place == "Part":
                monkeypatch.setattr(parts.Part, "from_octets", once(parts.Part.from_octets, error))
            else:
                monkeypatch.setattr(queue_receiver, place, once(getattr(queue_receiver, place), error))
            await alice.send(bob, b"1", b"2", routes=routes[alice])
            await carol.send(bob, b"3", routes=routes[carol])
            await relay.until(lambda: not relay.waiting)
            assert {each.envelope for each in bob.host.received.all} == {b"1", b"2", b"3"}
            await both_talk(relay, alice, carol, bob, word=b"hello")


@pytest.mark.parametrize("place", [(websocket, "decode_from_relay"), (push_session, "envelope_id")])
async def test_reading_what_is_pushed_fails(world, monkeypatch, place) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            for contact in (alice, carol):
                await bob.transport.allocate_routes(contact.peer)
            await bob.online()
            monkeypatch.setattr(*place, once(getattr(*place), KeyError(SECRET)))
            await both_talk(relay, alice, carol, bob, word=b"hello")
            await bob.online()


@pytest.mark.parametrize("request_class", [Put, Create, GetStatus])
async def test_reading_an_answer_fails(world, monkeypatch, request_class) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            honest = client.RelayClient._post

            async def post(self, http, request, reply, **named):
                answer = await honest(self, http, request, reply, **named)
                if isinstance(request, request_class) and anyio.current_time() < began + 60:
                    raise KeyError(SECRET)
                return answer

            began = anyio.current_time()
            monkeypatch.setattr(client.RelayClient, "_post", post)
            await bob.transport.relays.check(relay.peer.onion)
            await both_talk(relay, alice, carol, bob, word=b"hello")
            await bob.online()


async def test_a_duty_at_a_relay_fails(world, monkeypatch) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            monkeypatch.setattr(InboxMaintainer, "stock", once(InboxMaintainer.stock, KeyError(SECRET)))
            await bob.transport.relays.check(relay.peer.onion)
            await bob.degraded("our own program failed")
            await both_talk(relay, alice, carol, bob, word=b"hello")
            await bob.online()


async def test_all_work_with_one_relay_fails_and_another_one_notices_nothing(world, monkeypatch) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay, other = await w.relay(), await w.relay()
        async with w.account(relay, other) as bob:
            honest = RelayWorker._listen

            def listen(self, tasks, row):
                if self.relay == relay.peer and anyio.current_time() < began + HOUR:
                    raise KeyError(SECRET)
                honest(self, tasks, row)

            began = anyio.current_time()
            monkeypatch.setattr(RelayWorker, "_listen", listen)
            for contact in (alice, carol):
                routes = await bob.transport.allocate_routes(contact.peer)
                (at_other,) = [each for each in routes if Destination.of(each).address.relay_key == other.peer.octets]
                await contact.send(bob, b"by the other one", routes=[at_other])
            await bob.has(b"by the other one", b"by the other one")
            await bob.degraded("our own program failed")
            await bob.online()
            await both_talk(relay, alice, carol, bob, word=b"hello")


# -- sending


@pytest.mark.parametrize(
    "error",
    [KeyError(SECRET), RuntimeError(SECRET), AssertionError(SECRET)],
    ids=["KeyError", "RuntimeError", "AssertionError"],
)
@pytest.mark.parametrize("place", ["seal", "split"])
async def test_leaving_one_contacts_envelope_fails(world, monkeypatch, error, place) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice, w.account(relay) as carol:
            routes = {each: await each.transport.allocate_routes(bob.peer) for each in (alice, carol)}
            module = queue_sender.parts if place == "split" else queue_sender
            monkeypatch.setattr(module, place, once(getattr(module, place), error))
            await bob.insist(alice, b"for Alice")
            await bob.send(carol, b"for Carol", routes=routes[carol])
            await alice.has(b"for Alice")
            await carol.has(b"for Carol")


# -- claiming


def sealed_card(content: bytes, onion_key: bytes) -> bytes:
    """Make a card's octets of any content that fits, as somebody who knows the onion can."""
    nonce = urandom(12)
    padded = len(content).to_bytes(2) + content
    return nonce + cards.AESGCM(cards._key(onion_key)).encrypt(nonce, padded + bytes(4068 - len(padded)), None)


def signed(bob: Account, key_package: bytes, *, sealing_key: bytes | None = None, not_after: int = 2**40) -> cards.Card:
    key = OpeningKey.generate().sealing_key.octets if sealing_key is None else sealing_key
    return cards.Card(sealing_key=key, key_package=key_package, not_after=not_after, signature=bytes(64))


CARDS = {
    "garbage": lambda bob: urandom(4096),
    "nothing": lambda bob: sealed_card(b"", bob.peer.octets),
    "no CBOR": lambda bob: sealed_card(urandom(2000), bob.peer.octets),
    "nested CBOR": lambda bob: sealed_card(b"\x81" * 4000, bob.peer.octets),
    "another array": lambda bob: sealed_card(b"\x80", bob.peer.octets),
    "a map": lambda bob: sealed_card(b"\xa0", bob.peer.octets),
    "a forged signature": lambda bob: cards.wrap(signed(bob, b"key package"), onion_key=bob.peer.octets),
    "a key package too large": lambda bob: sealed_card(
        b"\x84\x59\x04\xc0" + bytes(1216) + b"\x59\x0a\x8c" + bytes(2700), bob.peer.octets
    ),
}


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS.keys())
async def test_a_relay_gives_out_what_is_no_card(world, card) -> None:
    async with world() as w, w.account() as alice:
        relay, honest = await w.relay(), await w.relay()
        async with w.account(honest) as bob:
            octets = card(bob)
            relay.script = lambda request: (
                Claimed(card=octets, last_resort=False) if isinstance(request, Claim) else None
            )
            with pytest.raises(PeerUnreachable, match="a relay did not help"):
                await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            # It keeps nobody from finding one elsewhere.
            got = await alice.transport.claim_key_package(bob.peer, [relay.peer.onion, honest.peer.onion])
            assert got is not None
            await alice.send(bob, b"hello")
            await bob.has(b"hello")


async def test_reading_a_card_fails(world, monkeypatch) -> None:
    async with world() as w, w.account() as alice:
        relay = await w.relay()
        async with w.account(relay) as bob:
            monkeypatch.setattr(
                "balchat_transport_relay.key_package_claimer.unwrap",
                once(cards.unwrap, Panic(SECRET)),
            )
            with pytest.raises(PeerUnreachable, match="our own program failed"):
                await alice.transport.claim_key_package(bob.peer, [relay.peer.onion])
            assert await alice.transport.claim_key_package(bob.peer, [relay.peer.onion]) is not None


async def test_an_envelope_that_is_too_large_is_its_own_contacts_matter(world) -> None:
    async with world() as w, w.account() as bob:
        relay = await w.relay()
        async with w.account(relay) as alice, w.account(relay) as carol:
            await bob.transport.claim_key_package(alice.peer, [relay.peer.onion])
            (large,) = await bob.send(alice, bytes(900_000), routes=bob.transport.first_routes(alice.peer))
            report = await bob.host.final(large)
            assert (report.outcome, report.reason) == (Outcome.REFUSED, "too-large")
            await bob.send(carol, b"for Carol")
            await carol.has(b"for Carol")


async def test_a_disposition_of_no_known_kind(world) -> None:
    async with world() as w, w.account() as alice, w.account() as carol:
        relay = await w.relay()
        async with w.account(relay) as bob:
            bob.host.answer = lambda source, envelope: (
                Disposition(verdict=Verdict.REFUSED, retry_after=float("nan"))
                if envelope == b"odd"
                else commit_all(source, envelope)
            )
            await alice.send(bob, b"odd", b"even")
            await both_talk_but(relay, alice, carol, bob)


async def both_talk_but(relay, alice: Account, carol: Account, bob: Account) -> None:
    for contact in (alice, carol):
        await contact.insist(bob, b"x" + contact.peer.octets)
    await relay.until(lambda: len(relay.waiting) <= 1)
