"""An exception that nobody foresaw ends the stream that met it, and nothing wider; the log names its type alone.

Each test plants one at another place, and shows that other contacts' streams stand and carry on.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_transport_tor_direct import connection as connection_module
from balchat_transport_tor_direct import transport as transport_module
from balchat_transport_tor_direct.connection import Connection
from balchat_transport_tor_direct.frames import CloseReason, FrameReader, FrameType
from balchat_transport_tor_direct.handshake import Acceptor
from balchat_transport_tor_direct.link import Link

from balchat_host.api.errors import BadInput, PeerUnreachable
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Outcome
from balchat_host.testing.fake_transport_context import commit_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Account

pytestmark = pytest.mark.anyio
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
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=KINDS, ids=lambda error: type(error).__name__)
def error(request) -> BaseException:
    return request.param


@pytest.fixture(autouse=True)
def nothing_but_types_is_logged(caplog) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        assert SECRET not in record.getMessage()
        assert record.exc_info is None


def once(function, error: BaseException):
    """Raise an error instead of the first call."""
    raised = False

    def called(*arguments, **named):
        nonlocal raised
        if not raised:
            raised = True
            raise error
        return function(*arguments, **named)

    return called


async def insist(sender: Account, to: Account, envelope: bytes) -> None:
    """Send an envelope, again and again as the host does, until it is delivered."""
    for _ in range(20):
        try:
            (outgoing,) = await sender.send(to.peer, envelope)
        except PeerUnreachable:
            continue
        if (await sender.host.final(outgoing)).outcome is Outcome.DELIVERED:
            return
    raise AssertionError("it was never delivered")


async def test_the_host_raises_at_one_contacts_envelope(world, account, error, caplog) -> None:
    async with account(world) as alice, account(world) as bob, account(world) as carol:
        await insist(carol, bob, b"before")

        def answer(source, envelope):
            if envelope == b"poison":
                raise error
            return commit_all(source, envelope)

        bob.host.answer = answer
        (poison,) = await alice.send(bob.peer, b"poison")
        assert (await alice.host.final(poison)).outcome is Outcome.LOST
        # Carol's stream never ended, and Alice's may come again.
        await insist(carol, bob, b"after")
        assert [news.reachable for news in carol.host.nearness.all] == [True]
        await insist(alice, bob, b"better")
        assert f"taking in what came over a stream failed ({type(error).__name__})" in caplog.messages


async def test_the_host_answers_fewer_than_it_was_given(world, account, monkeypatch) -> None:
    async with account(world) as alice, account(world) as bob, account(world) as carol:
        await insist(carol, bob, b"before")
        receive = bob.host.receive

        async def none(source, envelopes):
            dispositions = await receive(source, envelopes)
            return [] if source == alice.peer else dispositions

        monkeypatch.setattr(bob.host, "receive", none)
        (lost,) = await alice.send(bob.peer, b"hello")
        assert (await alice.host.final(lost)).outcome is Outcome.LOST
        await insist(carol, bob, b"after")
        assert [news.reachable for news in carol.host.nearness.all] == [True]


async def test_a_strangers_poison_ends_the_strangers_stream(world, account, stranger, error) -> None:
    async with account(world) as bob, account(world) as carol:
        await insist(carol, bob, b"before")

        def answer(source, envelope):
            if source != carol.peer:
                raise error
            return commit_all(source, envelope)

        bob.host.answer = answer
        for _ in range(3):
            someone = await stranger.enter(world, bob.peer)
            await someone.say(FrameType.ENVELOPE, 0, b"poison")
            await someone.is_closed(CloseReason.OVERLOADED)
        await insist(carol, bob, b"after")
        assert [news.reachable for news in carol.host.nearness.all] == [True]


@pytest.mark.parametrize(
    "place",
    [
        (FrameReader, "next"),
        (Acceptor, "receive"),
        (Link, "feed"),
        (Link, "next_event"),
        (Link, "output"),
        (Link, "take_batch"),
        (Link, "deadline"),
        (Connection, "_take_events"),
        (transport_module, "greet_dialler"),
        (connection_module, "Link"),
    ],
    ids=lambda place: place[1],
)
async def test_our_handling_of_one_stream_fails(world, account, stranger, monkeypatch, place) -> None:
    async with account(world) as bob, account(world) as carol:
        await insist(carol, bob, b"before")
        with monkeypatch.context() as patched:
            someone = await stranger.knock(world, bob.peer)
            patched.setattr(*place, once(getattr(*place), KeyError(SECRET)))
            await someone.stream.send(someone.machine.start())
            with anyio.move_on_after(5), suppress(Exception):  # our own side of it uses the same parts
                await someone.prove()
            await anyio.wait_all_tasks_blocked()
        await insist(carol, bob, b"after")
        await insist(bob, carol, b"back")


async def test_a_dial_fails(world, account, monkeypatch, error) -> None:
    async with account(world) as alice, account(world) as bob, account(world) as carol:
        await insist(bob, carol, b"before")
        monkeypatch.setattr(transport_module, "greet_acceptor", once(transport_module.greet_acceptor, error))
        with pytest.raises(PeerUnreachable, match="our own program failed"):
            await bob.send(alice.peer, b"hello")
        await insist(bob, carol, b"after")
        await insist(bob, alice, b"hello again")
        assert [news.reachable for news in carol.host.nearness.all] == [True]


async def test_the_network_fails_in_a_way_that_nobody_foresaw(world, account, monkeypatch, error) -> None:
    async with account(world) as alice, account(world) as bob, account(world) as carol:
        await insist(bob, carol, b"before")
        monkeypatch.setattr(bob.host, "dial", once(bob.host.dial, error))
        with pytest.raises(PeerUnreachable, match="our own program failed"):
            await bob.send(alice.peer, b"hello")
        await insist(bob, alice, b"hello again")
        await insist(bob, carol, b"after")


async def test_an_envelope_that_is_too_large_is_its_senders_matter(world, account) -> None:
    async with account(world) as alice, account(world) as bob, account(world) as carol:
        await insist(bob, alice, b"before")
        await insist(bob, carol, b"before")
        with pytest.raises(BadInput):
            await bob.send(alice.peer, bytes(MAX_ENVELOPE_SIZE + 1))
        await insist(bob, alice, b"after")
        await insist(bob, carol, b"after")
        assert [news.reachable for news in bob.host.nearness.all] == [True, True]


async def test_handing_over_to_one_stream_fails(world, account, monkeypatch, error) -> None:
    async with account(world) as alice, account(world) as bob, account(world) as carol:
        await insist(bob, alice, b"before")
        await insist(bob, carol, b"before")
        with monkeypatch.context() as patched:
            patched.setattr(Link, "submit", once(Link.submit, error))
            with pytest.raises(type(error)):
                await bob.send(alice.peer, b"hello")
        await insist(bob, carol, b"after")
        await insist(bob, alice, b"after")
