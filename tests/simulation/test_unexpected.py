"""Exceptions that nobody foresaw, planted at each place that an envelope comes by: they end that envelope alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.errors import BadInput, InternalError, StorageFailed, StorageFull, VaultDamaged
from balchat_host.api.storage import SqlError
from balchat_host.api.transport import Disposition, Verdict
from balchat_host.core import (
    contacts,
    envelope_retries,
    housekeeping,
    inbox,
    key_package_pool,
    routes,
)
from balchat_host.core.delivery import outgoing, queue
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.eras import keeping
from balchat_host.core.first_contact import answering, requests
from balchat_host.core.unit_of_work import Announce, Unexpected, UnitOfWork
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR = 3600
UNFORESEEN = [
    ZeroDivisionError(),
    RecursionError(),
    SqlError("SQLITE_CONSTRAINT"),
    BadInput(what="group", problem="it is called the caller's mistake, but nobody here called"),
    InternalError(kind="mls"),
]
WORLD = [StorageFull(), StorageFailed(problem="disk"), VaultDamaged(problem="a page")]
ASK = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()


class Meeting:
    """Alice, whose contact Bob is; Carol, whom she blocked; and Dave, whom she never heard of."""

    def __init__(self) -> None:
        self.world = World(1, MlsEngine())
        self.alice, self.bob, self.carol, self.dave = map(self.world.account, ("Alice", "Bob", "Carol", "Dave"))
        for other in (self.bob, self.carol):
            self.alice.add(other)
            self.world.heal(self.alice, other)
            other.accept(self.alice)
            self.world.heal(self.alice, other)
        self.alice.block(self.carol, blocked=True)

    def gets(self, source: Account | None, *envelopes: bytes) -> tuple[list[Disposition], set[str]]:
        """Have Alice take envelopes; return her answers, and the types of exceptions that are logged."""

        def take(unit: UnitOfWork) -> tuple[list[Disposition], set[str]]:
            answers = inbox.receive(unit, source.peer if source else None, envelopes)
            return answers, {each.type for each in unit.effects if isinstance(each, Unexpected)}

        return self.alice.change(take)

    def waiting(self, author: Account) -> list[bytes]:
        now = self.world.now
        found = author.read(lambda tx: outgoing.pending(tx, self.alice.peer, after=0, now=now, limit=100))
        return [each.envelope for each in found.outgoing]

    def asks(self, author: Account) -> bytes:
        """Have somebody make a contact request."""
        key_package = Envelope.decode(self.gets(author, ASK)[0][0].replies[0]).payload

        def make(unit: UnitOfWork) -> None:
            if contacts.by_peer(unit.tx, self.alice.peer) is not None:
                contacts.remove(unit, "Alice")
            answering.add_contact(unit, self.alice.code, name=None, introduction="")

        author.change(make)
        envelope = Envelope(kind=Kind.KEY_PACKAGE, payload=key_package).encode()
        author.change(lambda unit: inbox.receive(unit, self.alice.peer, [envelope]))
        (request,) = self.waiting(author)
        return request

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that Alice's vault holds, but what is counted."""
        tables = self.alice.read(lambda tx: tx.query("SELECT name FROM pragma_table_list WHERE type <> 'virtual'"))
        kept = {cast("str", name) for (name,) in tables} - {"bucket", "failed_envelope"}
        return {name: self.alice.read(lambda tx, n=name: tx.query(f"SELECT * FROM {n}")) for name in kept}


def plant(monkeypatch: pytest.MonkeyPatch, place: tuple[object, str], error: Exception) -> None:
    """Have something raise, after it has done what it does."""
    owner, name = place
    real: Callable[..., object] = getattr(owner, name)

    def fail(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        raise error

    monkeypatch.setattr(owner, name, fail)


MESSAGE_PLACES = [
    (keeping, "find"),
    (MlsEngine, "decrypt"),
    (inbox, "receive_content"),
]
REQUEST_PLACES = [
    (MlsEngine, "join"),
    (MlsEngine, "members"),
    (MlsEngine, "forget_key_package"),
    (routes, "decode"),
    (requests, "forget"),
    (requests, "keep"),
]


def name_of(value: object) -> str:
    return type(value).__name__ if isinstance(value, Exception) else str(value[1])


@pytest.mark.parametrize("error", UNFORESEEN, ids=name_of)
@pytest.mark.parametrize("place", MESSAGE_PLACES, ids=name_of)
def test_a_contact_s_message_may_come_again_three_times_and_then_never(
    monkeypatch: pytest.MonkeyPatch, place: tuple[object, str], error: Exception
) -> None:
    meeting = Meeting()
    meeting.bob.write(meeting.alice, "hello")
    (hello,) = meeting.waiting(meeting.bob)
    before = meeting.everything()
    plant(monkeypatch, place, error)
    for _ in range(3):
        (answer,), logged = meeting.gets(meeting.bob, hello)
        assert (answer.verdict, answer.reason, answer.retry_after) == (Verdict.REFUSED, "internal", HOUR)
        assert logged == {type(error).__name__}
        meeting.world.pass_time(HOUR)
    (answer,), _ = meeting.gets(meeting.bob, hello)
    assert (answer.verdict, answer.retry_after) == (Verdict.REFUSED, None)
    assert meeting.everything() == before, "nothing of it is left, effects too"


def test_one_that_failed_comes_in_once_we_are_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting()
    meeting.bob.write(meeting.alice, "hello")
    (hello,) = meeting.waiting(meeting.bob)
    with monkeypatch.context() as patch:
        plant(patch, (inbox, "receive_content"), ZeroDivisionError())
        assert meeting.gets(meeting.bob, hello)[0][0].verdict is Verdict.REFUSED
    assert meeting.gets(meeting.bob, hello)[0][0].verdict is Verdict.COMMITTED
    assert [message.text for message in meeting.alice.history(meeting.bob)] == ["hello"]


def test_what_comes_with_one_that_fails_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting()
    for number in range(3):
        meeting.bob.write(meeting.alice, f"{number}")
    real = inbox.receive_content

    def fail_once(unit: UnitOfWork, contact: Any, data: bytes, **more: Any) -> bytes | None:
        taken = real(unit, contact, data, **more)
        if b"1" in data[-1:]:
            raise ZeroDivisionError
        return taken

    monkeypatch.setattr(inbox, "receive_content", fail_once)
    for source in (None, meeting.bob):
        answers, _ = meeting.gets(source, *meeting.waiting(meeting.bob))
        assert [answer.verdict for answer in answers] == [Verdict.COMMITTED, Verdict.REFUSED, Verdict.COMMITTED]
    assert [message.text for message in meeting.alice.history(meeting.bob)] == ["0", "2"]


@pytest.mark.parametrize("error", UNFORESEEN, ids=name_of)
def test_a_message_of_a_contact_s_group_that_a_relay_brings_may_come_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    meeting = Meeting()
    meeting.bob.write(meeting.alice, "hello")
    plant(monkeypatch, (MlsEngine, "decrypt"), error)
    (answer,), logged = meeting.gets(None, *meeting.waiting(meeting.bob))
    assert (answer.verdict, answer.retry_after) == (Verdict.REFUSED, HOUR)
    assert logged == {type(error).__name__}


@pytest.mark.parametrize("error", UNFORESEEN, ids=name_of)
@pytest.mark.parametrize("place", REQUEST_PLACES, ids=name_of)
@pytest.mark.parametrize("who", ["dave", "carol", "relay"])
def test_a_stranger_s_request_is_refused_for_good_and_a_blocked_contact_s_alike(
    monkeypatch: pytest.MonkeyPatch, place: tuple[object, str], error: Exception, who: str
) -> None:
    meeting = Meeting()
    author = meeting.carol if who == "carol" else meeting.dave
    request = meeting.asks(author)
    before = meeting.everything()
    plant(monkeypatch, place, error)
    (answer,), logged = meeting.gets(None if who == "relay" else author, request)
    assert (answer.verdict, answer.reason, answer.retry_after) == (Verdict.REFUSED, "internal", None)
    assert logged == {type(error).__name__}
    assert meeting.everything() == before


@pytest.mark.parametrize("place", [*REQUEST_PLACES[:4], (MlsEngine, "encrypt"), (queue, "queue_answer")], ids=name_of)
def test_a_contact_s_request_may_come_again(monkeypatch: pytest.MonkeyPatch, place: tuple[object, str]) -> None:
    meeting = Meeting()
    request = meeting.asks(meeting.bob)
    with monkeypatch.context() as patch:
        plant(patch, place, ZeroDivisionError())
        (answer,), _ = meeting.gets(meeting.bob, request)
        assert (answer.verdict, answer.retry_after) == (Verdict.REFUSED, HOUR)
    assert meeting.gets(meeting.bob, request)[0][0].verdict is Verdict.COMMITTED


@pytest.mark.parametrize("who", ["bob", "carol", "dave"])
def test_a_request_for_a_key_package_that_fails_ends_nothing(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    meeting = Meeting()
    plant(monkeypatch, (MlsEngine, "key_package"), ZeroDivisionError())
    (answer,), _ = meeting.gets(getattr(meeting, who), ASK)
    assert (answer.verdict, answer.retry_after) == (Verdict.REFUSED, HOUR if who == "bob" else None)


def test_a_receipt_that_fails_takes_back_nothing_that_came(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting()
    meeting.bob.write(meeting.alice, "hello")
    plant(monkeypatch, (inbox, "send_receipts"), ZeroDivisionError())
    (answer,), logged = meeting.gets(None, *meeting.waiting(meeting.bob))
    assert answer.verdict is Verdict.COMMITTED
    assert logged == {"ZeroDivisionError"}
    assert [message.text for message in meeting.alice.history(meeting.bob)] == ["hello"]


@pytest.mark.parametrize("error", WORLD, ids=name_of)
@pytest.mark.parametrize("place", [(inbox, "receive_content"), (inbox, "send_receipts")], ids=name_of)
def test_what_the_disk_says_is_no_envelope_s_matter(
    monkeypatch: pytest.MonkeyPatch, place: tuple[object, str], error: Exception
) -> None:
    meeting = Meeting()
    meeting.bob.write(meeting.alice, "hello")
    hello = meeting.waiting(meeting.bob)
    plant(monkeypatch, place, error)
    with pytest.raises(type(error)):
        meeting.gets(None, *hello)


def test_what_failed_is_counted_for_a_while_and_not_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting()
    monkeypatch.setattr(envelope_retries, "MAX_KEPT", 5)
    monkeypatch.setattr(inbox, "receive_content", lambda *_, **__: 1 / 0)
    for number in range(8):
        meeting.bob.write(meeting.alice, f"{number}")
    envelopes = meeting.waiting(meeting.bob)
    for each in envelopes:
        meeting.gets(meeting.bob, each)
        meeting.world.pass_time(1)
    assert count_failed(meeting.alice) == 5
    for _ in range(3):
        meeting.gets(meeting.bob, envelopes[-1])
    (answer,), _ = meeting.gets(meeting.bob, envelopes[-1])
    assert answer.retry_after is None, "it was the last to fail, so it is still counted"
    meeting.world.pass_time(31 * 24 * HOUR)
    meeting.alice.change(housekeeping.tidy)
    assert count_failed(meeting.alice) == 0


def count_failed(account: Account) -> int:
    return account.read(lambda tx: tx.query("SELECT count(*) FROM failed_envelope"))[0][0]


def test_what_cannot_be_tidied_keeps_nothing_else_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = Meeting()
    meeting.gets(meeting.dave, meeting.asks(meeting.dave))
    meeting.alice.change(lambda unit: key_package_pool.refill(unit, 3))
    meeting.world.pass_time(31 * 24 * HOUR)
    plant(monkeypatch, (MlsEngine, "forget_key_package"), ZeroDivisionError())

    def tidy(unit: UnitOfWork) -> set[object]:
        housekeeping.tidy(unit)
        return set(unit.effects)

    assert {Unexpected(type="ZeroDivisionError"), Announce()} <= meeting.alice.change(tidy)
    assert meeting.alice.read(requests.count) == 0
