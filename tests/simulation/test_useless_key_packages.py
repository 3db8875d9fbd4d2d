"""KeyPackages that cannot be used: they stop us with the contact whose they are, and with nobody else."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine
from mls_rs_py.crafting import extension, uint16s

from balchat_host.api.transport import Disposition, Verdict
from balchat_host.api.views import ContactState
from balchat_host.core import contacts, event_log, housekeeping, inbox
from balchat_host.core.chat_codes import ChatCode
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.first_contact import answering
from balchat_host.core.unit_of_work import Unexpected
from balchat_host.testing.waiting import until_true
from tests.support.hostile_peer import EXTENSION_TYPES, HostilePeer
from tests.support.simulator import World
from tests.support.virtual_account import BEGINNING
from tests.support.virtual_relay import VirtualRelay

if TYPE_CHECKING:
    from collections.abc import Callable

    from balchat_host.api.frontend import App
    from balchat_host.api.views import ContactView
    from balchat_host.core.unit_of_work import UnitOfWork

HOUR = 3600
DAY = 24 * HOUR
PRIVATE = 0xFF01


def padded(mallory: HostilePeer, octets: int) -> bytes:
    """Return a KeyPackage that has grown by so many octets."""
    leaf = mallory.leaf(
        extension_types=uint16s(PRIVATE, *EXTENSION_TYPES), extensions=extension(PRIVATE, bytes(octets))
    )
    return mallory.key_package(leaf).message()


USELESS: dict[str, tuple[str, Callable[[HostilePeer], bytes]]] = {
    "of another suite": ("unsupported-mls", lambda mallory: mallory.key_package(suite=3).message()),
    "of a suite that nobody knows": ("unsupported-mls", lambda mallory: mallory.key_package(suite=0xFF00).message()),
    "of another version": ("unsupported-mls", lambda mallory: mallory.key_package(version=2).message()),
    "in a message of another version": ("unsupported-mls", lambda mallory: mallory.key_package().message(version=2)),
    "with something behind it": ("crypto-rejected", lambda mallory: mallory.key_package().message(after=b"\0")),
    "that nobody signed": ("crypto-rejected", lambda mallory: mallory.key_package(signature=bytes(64)).message()),
    "out of date": ("crypto-rejected", lambda m: m.key_package(m.leaf(not_before=1, not_after=2)).message()),
    "of somebody else": ("bad-credential", lambda mallory: HostilePeer(now=mallory.now).key_package().message()),
    "a bit too large": ("malformed-envelope", lambda mallory: padded(mallory, 8 * 1024)),
    "much too large": ("malformed-envelope", lambda mallory: padded(mallory, 1_000_000)),
    "that is a Welcome": (
        "crypto-rejected",
        lambda mallory: mallory.group(HostilePeer(now=mallory.now).key_package().message()).welcome(),
    ),
    "that is nothing": ("crypto-rejected", lambda _: b""),
    "that is noise": ("crypto-rejected", lambda _: bytes(range(256))),
}


class Adding:
    """Alice has added Mallory, who makes KeyPackages by hand, and Bob, who is honest."""

    def __init__(self) -> None:
        self.world = World(1, MlsEngine())
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.mallory = HostilePeer(now=self.world.now // 1000)
        code = str(ChatCode(peer=self.mallory.peer, name="Mallory"))
        self.alice.change(lambda unit: answering.add_contact(unit, code, name=None, introduction=""))
        self.alice.add(self.bob)

    def gets(self, key_package: bytes) -> Disposition:
        envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()
        return self.alice.change(lambda unit: inbox.receive(unit, self.mallory.peer, [envelope])[0])

    def asks(self) -> list[Kind]:
        now = self.world.now
        found = self.alice.read(lambda tx: outgoing.pending(tx, self.mallory.peer, after=0, now=now, limit=9)).outgoing
        return [Envelope.decode(each.envelope).kind for each in found]

    def reason(self) -> str | None:
        return self.alice.read(lambda tx: contacts.find(tx, "Mallory")).reason


@pytest.mark.parametrize("kind", USELESS)
def test_one_that_cannot_be_used_stops_us_with_that_contact_alone_and_says_why(kind: str) -> None:
    reason, make = USELESS[kind]
    adding = Adding()
    before = adding.alice.read(event_log.newest)
    assert adding.gets(make(adding.mallory)).verdict is Verdict.REFUSED
    assert adding.reason() == reason
    events, _ = adding.alice.read(lambda tx: event_log.read(tx, after=before, limit=9, now=0))
    assert [event.contact.reason for event in events if event.type == "contact.changed"] == [reason]
    assert adding.alice.change(lambda unit: unit.engine.groups(unit.keys)) == [], "nothing of it is kept"
    adding.world.heal(adding.alice, adding.bob)
    adding.bob.accept(adding.alice)
    adding.world.heal(adding.alice, adding.bob)
    adding.world.check(adding.alice, adding.bob)


def test_who_mends_it_is_asked_when_it_is_time_and_the_reason_goes() -> None:
    adding = Adding()
    adding.gets(adding.mallory.key_package(suite=3).message())
    assert adding.asks() == []
    adding.world.pass_time(HOUR)
    assert adding.asks() == [Kind.KEY_PACKAGE_REQUEST]
    assert adding.gets(adding.mallory.key_package().message()).verdict is Verdict.COMMITTED
    assert adding.reason() is None
    assert adding.asks() == [Kind.CONTACT_REQUEST]


def test_whoever_never_mends_it_is_asked_less_and_less_often_but_every_day() -> None:
    adding = Adding()
    times: list[float] = []
    for minute in range(10 * 24 * 60):
        if adding.asks():
            times.append(minute / 60)
            adding.gets(adding.mallory.key_package(suite=3).message())
        adding.world.pass_time(60)
        if minute % 60 == 0:
            adding.alice.change(housekeeping.tidy)
    assert [round(time) for time in times[:6]] == [0, 1, 3, 7, 15, 31]
    assert {round(later - earlier) for earlier, later in pairwise(times[5:])} == {24}


def test_who_asks_us_meanwhile_is_met_and_the_reason_goes() -> None:
    adding = Adding()
    envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=b"not a KeyPackage").encode()
    adding.alice.change(lambda unit: inbox.receive(unit, adding.bob.peer, [envelope]))
    assert adding.alice.read(lambda tx: contacts.find(tx, "Bob")).reason == "crypto-rejected"
    adding.bob.add(adding.alice)
    adding.world.heal(adding.alice, adding.bob)
    met = adding.alice.contact(adding.bob)
    assert met is not None
    assert (met.state, met.reason) == (ContactState.ACTIVE, None)


def test_nobody_but_who_we_want_one_of_changes_anything_by_one() -> None:
    adding = Adding()
    for blocked in (False, True):
        if blocked:
            adding.alice.change(lambda unit: contacts.block(unit, "Mallory"))
        else:
            adding.alice.change(lambda unit: contacts.remove(unit, "Bob"))
        peer = adding.mallory.peer if blocked else adding.bob.peer
        wrong = Envelope(kind=Kind.KEY_PACKAGE, payload=b"wrong").encode()
        large = Envelope(kind=Kind.KEY_PACKAGE, payload=bytes(9000)).encode()
        before = adding.alice.read(event_log.newest)
        answers = adding.alice.change(lambda unit, p=peer, e=(wrong, large): inbox.receive(unit, p, e))
        assert [answer.verdict for answer in answers] == [Verdict.COMMITTED, Verdict.REFUSED]
        assert adding.alice.read(event_log.newest) == before


def test_more_than_are_looked_into_in_an_hour_wait() -> None:
    adding = Adding()
    answers = [adding.gets(adding.mallory.key_package(suite=3).message()) for _ in range(31)]
    assert {answer.reason for answer in answers[:30]} == {"unsupported-mls"}
    assert answers[30].reason == "requests-full"
    assert answers[30].retry_after is not None
    adding.world.pass_time(answers[30].retry_after)
    assert adding.gets(adding.mallory.key_package().message()).verdict is Verdict.COMMITTED


@pytest.mark.parametrize("octets", [5_300, 6_400])
def test_the_largest_that_may_be_makes_a_request_that_may_be(octets: int) -> None:
    """What we make of others' octets obeys the sizes that we ask of others."""
    adding = Adding()
    assert adding.gets(padded(adding.mallory, octets)).verdict is Verdict.COMMITTED
    now = adding.world.now
    (request,) = adding.alice.read(
        lambda tx: outgoing.pending(tx, adding.mallory.peer, after=0, now=now, limit=9)
    ).outgoing
    answer = adding.bob.change(lambda unit: inbox.receive(unit, adding.alice.peer, [request.envelope])[0])
    assert answer.reason == "crypto-rejected", "it is for somebody else, and not too large"


class Panic(BaseException):
    """What a panic in Rust becomes (`pyo3_runtime.PanicException`) is not even an Exception."""


class FailingEngine(MlsEngine):
    """Fails in a way that nobody foresaw."""

    def __init__(self, failure: type[BaseException]) -> None:
        super().__init__()
        self.failure = failure

    def found(self, *_: object, **__: object) -> None:
        raise self.failure


@pytest.mark.parametrize("failure", [ZeroDivisionError, Panic, SystemExit])
def test_one_that_brings_up_what_nobody_foresaw_is_that_contact_s_too(failure: type[BaseException]) -> None:
    adding = Adding()
    adding.world.engine = FailingEngine(failure)
    envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=b"an innocent KeyPackage").encode()

    def get(unit: UnitOfWork) -> tuple[Disposition, object]:
        return inbox.receive(unit, adding.mallory.peer, [envelope])[0], list(unit.effects)

    answer, effects = adding.alice.change(get)
    assert (answer.verdict, answer.retry_after) == (Verdict.REFUSED, None)
    assert Unexpected(type=failure.__name__) in effects
    assert adding.reason() == "internal"
    adding.world.engine = MlsEngine()
    adding.world.pass_time(HOUR)
    assert adding.gets(adding.mallory.key_package().message()).verdict is Verdict.COMMITTED


# -- whole accounts


@pytest.fixture
def relay(people) -> VirtualRelay:
    relay = VirtualRelay()
    people.more = [relay.setup]
    return relay


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["of another suite", "of another version", "much too large", "that is noise"])
async def test_a_card_that_cannot_be_used_ends_nothing_and_a_good_one_is_found_later(people, relay, kind: str) -> None:
    reason, make = USELESS[kind]
    mallory = HostilePeer(now=BEGINNING // 1000)
    relay.cards[mallory.peer] = [make(mallory)] * 50
    async with people:
        alice, bob = await people.make("Alice"), await people.start("Bob")
        for start in range(2):
            async with alice.up() as app:
                if start == 0:
                    await app.contacts.add(mallory.peer.onion, "Mallory")
                assert (await shown(app, "Mallory", reason)).state is ContactState.ADDING
        async with alice.up() as app:
            await app.contacts.add(bob.code, "Bob")
            await until_true(bob.app, bob.app.requests.list, patience=2 * DAY)
            relay.cards[mallory.peer] = [mallory.key_package().message()]
            assert (await shown(app, "Mallory", None)).state is ContactState.REQUESTED


async def shown(app: App, name: str, reason: str | None) -> ContactView:
    """Wait until a contact is shown with a reason."""
    found: list[ContactView] = []

    async def so() -> bool:
        found[:] = [each for each in await app.contacts.list() if each.name == name]
        return found[0].reason == reason and (reason is not None or found[0].state is not ContactState.ADDING)

    await until_true(app, so, patience=2 * DAY)
    return found[0]
