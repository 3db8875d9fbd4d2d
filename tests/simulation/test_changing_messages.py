"""Editing, deleting, reacting and expiring between two accounts, whatever the network and the clocks do."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.errors import BadInput, NoSuchMessage, TooMany
from balchat_host.api.views import MessageState
from balchat_host.core import contacts, housekeeping, inbox, rows, views
from balchat_host.core.content import Disposition, Expiration, MimiContent, NullPart, SinglePart
from balchat_host.core.delivery import outgoing, requeue
from balchat_host.core.identifiers import identify
from balchat_host.core.messages import changing, erasing, expiry, history, reactions, reading, versions
from balchat_host.core.messages.compose import compose
from balchat_host.core.messages.info import info
from balchat_host.core.messages.mentions import MAX_MENTIONS, under_names
from balchat_host.core.messages.receive import receive_content
from balchat_host.core.messages.writing import Text
from balchat_host.core.search import index
from tests.support.consistency import check_consistency
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.core.unit_of_work import UnitOfWork

T = TypeVar("T")

SECRET = "the goose flies at midnight"
HOUR = 3600
DAY = 24 * HOUR


class Pair:
    """Alice and Bob, who are contacts."""

    def __init__(self, seed: int = 1, *, accepted: bool = True) -> None:
        self.world = World(seed, MlsEngine())
        self.alice, self.bob = self.world.account("Alice"), self.world.account("Bob")
        self.alice.add(self.bob)
        if accepted:
            self.world.heal(self.alice, self.bob)
            self.bob.accept(self.alice)
            self.heal()

    def heal(self) -> None:
        for each in (self.alice, self.bob):
            each.change(housekeeping.tidy)
        self.world.heal(self.alice, self.bob)
        for each in (self.alice, self.bob):
            each.read(lambda tx: check_consistency(tx, self.world.engine))

    def write(self, text: str = SECRET, **more: Any) -> str:
        return self.alice.change(lambda unit: compose(unit, "Bob", text, **more)).id

    def be_up(self, account: Account, seconds: float) -> None:
        """Let an account be up for a while, with a look every minute."""
        for _ in range(int(seconds // 60)):
            self.world.pass_time(60)
            while account.change(lambda unit: expiry.check(unit, up=60_000)):
                pass


@pytest.fixture
def pair() -> Pair:
    return Pair()


def shown(account: Account, other: Account) -> list[Any]:
    """Return what somebody sees of a conversation: texts, what is deleted, edited, and who reacted with what."""

    def look(tx: ReadTransaction) -> list[Any]:
        number = contacts.find(tx, other.name).conversation.id
        found = rows.messages_where(tx, f"message.conversation = ? AND {rows.SHOWN}", (number,))
        seen: list[Any] = []
        for row in found:
            reactions = tx.query(
                "SELECT account_key, emoji FROM reaction JOIN peer ON peer.id = author WHERE message = ?"
                " AND emoji IS NOT NULL",
                (row.seq,),
            )
            # One who says something twice says it once.
            seen.append((row.id, row.author, row.text, row.removal is not None, row.edited, sorted(set(reactions))))
        return sorted(seen)

    return account.read(look)


def remains(account: Account, text: str = SECRET) -> list[str]:
    """Return the columns in which a text still stands."""

    def look(tx: ReadTransaction) -> list[str]:
        found: list[str] = []
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'message_terms%'"
        for (table,) in tx.query(tables):
            for column in tx.query(f"SELECT name FROM pragma_table_info('{table}')"):
                sql = f"SELECT 1 FROM {table} WHERE instr(CAST({column[0]} AS BLOB), CAST(? AS BLOB)) LIMIT 1"
                if tx.query(sql, (text,)):
                    found.append(f"{table}.{column[0]}")
        return found

    return account.read(look)


# -- both sides come to the same


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_network_does_both_see_the_same_in_the_end(seed: int) -> None:
    pair = Pair(seed)
    world, people, rng = pair.world, (pair.alice, pair.bob), Random(seed)
    for _ in range(60):
        author, reader = rng.sample(people, 2)
        match rng.randrange(3):
            case 0:
                _change_something(author, reader, rng)
            case _:
                world.misbehave(author, reader)
        if rng.random() < 0.1:
            _by_a_relay(author, reader, world.now, rng)
    pair.heal()
    assert shown(pair.alice, pair.bob) == shown(pair.bob, pair.alice)


def _by_a_relay(author: Account, reader: Account, now: int, rng: Random) -> None:
    """Let what waits come by a relay, some of it and in any order. It comes directly, too, later or before."""
    waiting = author.read(lambda tx: outgoing.pending(tx, reader.peer, after=0, now=now, limit=100)).outgoing
    envelopes = [each.envelope for each in waiting]
    some = rng.sample(envelopes, rng.randint(0, len(envelopes)))
    reader.change(lambda unit: inbox.receive(unit, None, some))


def _change_something(author: Account, reader: Account, rng: Random) -> None:
    there = [message.id for message in author.history(reader)]
    target, emoji = (rng.choice(there) if there else None), rng.choice("👍❤🎉")
    try:
        match rng.randrange(6):
            case 1 if target:
                author.change(lambda unit: changing.edit(unit, target, f"edited {rng.random()}"))
            case 2 if target:
                author.change(lambda unit: changing.delete(unit, target, for_me=False))
            case 3 | 4 if target:
                remove = rng.random() < 0.3
                author.change(lambda unit: changing.react(unit, target, emoji, remove=remove))
            case _:
                author.write(reader, f"written {rng.random()}")
    except BadInput:
        pass  # of the other's, or deleted


# -- edits


def test_an_edit_is_seen_by_both_and_all_versions_are_kept(pair: Pair) -> None:
    message = pair.write("first")
    pair.heal()
    pair.alice.change(lambda unit: changing.edit(unit, message, "second"))
    pair.alice.change(lambda unit: changing.edit(unit, message, "third"))
    pair.heal()
    for one, other in ((pair.alice, pair.bob), (pair.bob, pair.alice)):
        assert [m.text for m in one.history(other)] == ["third"]
        assert one.history(other)[0].edited
        seen = one.read(lambda tx: info(tx, message))
        assert [version.text for version in seen.versions] == ["first", "second", "third"]


def test_of_two_edits_the_later_counts_also_if_the_clock_was_set_back_between_them(pair: Pair) -> None:
    message = pair.write("first")
    pair.alice.change(lambda unit: changing.edit(unit, message, "second"))
    pair.world.now -= DAY * 1000
    pair.alice.change(lambda unit: changing.edit(unit, message, "third"))
    pair.heal()
    assert [m.text for m in pair.bob.history(pair.alice)] == ["third"]


def test_nobody_edits_or_deletes_what_somebody_else_wrote(pair: Pair) -> None:
    message = pair.write()
    pair.heal()
    with pytest.raises(BadInput, match="not yours"):
        pair.bob.change(lambda unit: changing.edit(unit, message, "no"))
    with pytest.raises(BadInput, match="not yours"):
        pair.bob.change(lambda unit: changing.delete(unit, message, for_me=False))


# -- deletions


@pytest.mark.parametrize("arrived", [True, False], ids=["arrived", "waiting"])
def test_what_is_deleted_is_gone_on_both_sides_with_versions_and_reactions(pair: Pair, arrived: bool) -> None:
    message = pair.write()
    if arrived:
        pair.heal()
        pair.bob.change(lambda unit: changing.react(unit, message, "👍"))
    pair.alice.change(lambda unit: changing.edit(unit, message, SECRET + " indeed"))
    if arrived:
        pair.heal()
    pair.alice.change(lambda unit: changing.delete(unit, message, for_me=False))
    assert remains(pair.alice) == []
    if not arrived:
        assert pair.alice.read(lambda tx: tx.query("SELECT count(*) FROM payload")) == [(1,)], (
            "only the deletion leaves"
        )
    pair.write("next")
    pair.heal()
    assert remains(pair.bob) == []
    assert [m.text for m in pair.bob.history(pair.alice)] == [None, "next"]
    assert pair.bob.history(pair.alice)[1].missing_before == 0
    assert shown(pair.alice, pair.bob) == shown(pair.bob, pair.alice)


def test_what_is_deleted_before_we_could_talk_never_leaves() -> None:
    pair = Pair(accepted=False)
    message = pair.write()
    pair.alice.change(lambda unit: changing.delete(unit, message, for_me=False))
    pair.world.heal(pair.alice, pair.bob)
    pair.bob.accept(pair.alice)
    pair.heal()
    assert remains(pair.alice) == remains(pair.bob) == []
    assert [m.text for m in pair.bob.history(pair.alice)] == [None]


def test_a_late_copy_of_what_is_deleted_stays_deleted(pair: Pair) -> None:
    octets: list[bytes] = []
    message = pair.write()
    pair.alice.read(lambda tx: octets.append(cast("bytes", tx.query("SELECT content FROM message")[0][0])))
    pair.alice.change(lambda unit: changing.delete(unit, message, for_me=False))
    pair.heal()
    hear(pair.bob, octets[0])
    assert remains(pair.bob) == []
    assert [m.text for m in pair.bob.history(pair.alice)] == [None]


def test_what_is_deleted_here_only_still_reaches_the_other(pair: Pair) -> None:
    message = pair.write()
    pair.alice.change(lambda unit: changing.delete(unit, message, for_me=True))
    assert pair.alice.history(pair.bob) == []
    with pytest.raises(NoSuchMessage):
        pair.alice.read(lambda tx: history.find(tx, message))
    pair.alice.change(requeue.forget_ciphertexts)  # it is encrypted again, without the message
    pair.heal()
    assert [m.text for m in pair.bob.history(pair.alice)] == [SECRET]
    assert remains(pair.alice) == []


def test_what_is_deleted_never_leaves_however_much_else_waits(pair: Pair) -> None:
    ids = [pair.write(f"{SECRET} {number}") for number in range(600)]
    for message in ids[:500]:
        pair.alice.change(lambda unit, message=message: changing.delete(unit, message, for_me=False))
    waiting = pair.alice.read(lambda tx: tx.query("SELECT count(*) FROM payload WHERE message IS NOT NULL"))
    assert waiting == [(100,)]
    pair.heal()
    there = pair.bob.history(pair.alice)
    assert sum(message.deleted for message in there) == 500
    assert {message.missing_before for message in there} == {0}


def test_so_much_is_not_withdrawn_that_readers_lose_the_thread(pair: Pair) -> None:
    ids = [pair.write(f"{SECRET} {number}") for number in range(erasing.MAX_WITHDRAWN + 50)]
    for message in ids:
        pair.alice.change(lambda unit, message=message: changing.delete(unit, message, for_me=False))
    assert remains(pair.alice) == []
    pair.write("after")
    pair.heal()
    there = pair.bob.history(pair.alice)
    assert [m.text for m in there[-2:]] == [None, "after"]
    assert sum(message.deleted for message in there) == len(ids)
    assert remains(pair.bob) == []
    for _ in range(20):  # something has got through since
        message = pair.write()
        pair.alice.change(lambda unit, message=message: changing.delete(unit, message, for_me=False))
    assert pair.alice.read(lambda tx: tx.query("SELECT withdrawn FROM conversation WHERE kind = 'direct'")) == [(20,)]


# -- reactions


def test_reactions_are_one_emoji_each_and_are_taken_back_one_by_one(pair: Pair) -> None:
    message = pair.write()
    pair.heal()
    for emoji in ("👍", "❤️", "❤"):
        pair.bob.change(lambda unit, emoji=emoji: changing.react(unit, message, emoji))
    pair.heal()
    assert [each[1] for each in shown(pair.alice, pair.bob)[0][-1]] == ["❤️", "👍"]
    pair.bob.change(lambda unit: changing.react(unit, message, "❤", remove=True))
    pair.heal()
    assert [each[1] for each in shown(pair.alice, pair.bob)[0][-1]] == ["👍"]
    with pytest.raises(BadInput, match="one emoji"):
        pair.bob.change(lambda unit: changing.react(unit, message, "ok"))


def test_text_that_is_no_emoji_is_a_reply_whatever_it_is_for(pair: Pair) -> None:
    message = bytes.fromhex(pair.write())
    pair.heal()
    part = SinglePart(content_type="text/plain", content=b"ok", disposition=Disposition.REACTION)
    hear(pair.alice, MimiContent(salt=bytes(16), part=part, in_reply_to=message).encode())
    assert [m.text for m in pair.alice.history(pair.bob)] == [SECRET, "ok"]


# -- bounds


def hear(reader: Account, octets: bytes) -> None:
    """Have a reader's only contact say something."""

    def receive(unit: UnitOfWork) -> None:
        receive_content(unit, contacts.everyone(unit.tx)[0], octets, device_id=bytes(16))

    reader.change(receive)


def count(account: Account, what: str) -> int:
    return account.read(lambda tx: rows.number(tx, f"SELECT count(*) FROM {what}"))


def a_text(number: int, **fields: Any) -> bytes:
    part = SinglePart(content_type="text/plain", content=b"text %d" % number)
    return MimiContent(salt=number.to_bytes(16), part=part, sent_at=number + 1, **fields).encode()


def a_reaction(number: int, to: bytes) -> bytes:
    part = SinglePart(content_type="text/plain", content="👍".encode(), disposition=Disposition.REACTION)
    return MimiContent(salt=number.to_bytes(16), part=part, sent_at=number, in_reply_to=to).encode()


def test_ten_thousand_reactions_are_no_more_than_a_few(pair: Pair) -> None:
    message = bytes.fromhex(pair.write())
    pair.heal()
    octets = [a_reaction(number, message) for number in range(10_000)]

    def receive(unit: UnitOfWork) -> None:
        for each in octets:
            receive_content(unit, contacts.everyone(unit.tx)[0], each, device_id=bytes(16))

    pair.alice.change(receive)
    assert count(pair.alice, "reaction") == versions.MAX_REACTIONS
    emojis = [chr(0x1F600 + number) for number in range(versions.MAX_REACTIONS)]
    for emoji in emojis:
        pair.alice.change(lambda unit, emoji=emoji: changing.react(unit, message.hex(), emoji))
    with pytest.raises(TooMany, match="reactions"):
        pair.alice.change(lambda unit: changing.react(unit, message.hex(), "👍"))


def test_long_edits_that_wait_are_bounded_in_octets_and_the_latest_counts(pair: Pair) -> None:
    first = a_text(0)
    conversation = pair.alice.read(lambda tx: contacts.everyone(tx)[0].conversation.conversation_id)
    message = identify(MimiContent.decode(first), first, author=pair.bob.peer, conversation_id=conversation)
    for number in range(1, 100):
        part = SinglePart(content_type="text/plain", content=b"x" * 30_000 + b"%d" % number)
        edit = MimiContent(salt=number.to_bytes(16), part=part, sent_at=number, replaces=message)
        hear(pair.alice, edit.encode())
    kept = pair.alice.read(lambda tx: tx.query("SELECT sum(length(content)) FROM version"))[0][0]
    assert cast("int", kept) <= versions.MAX_VERSIONS_SIZE
    hear(pair.alice, first)
    assert pair.alice.history(pair.bob)[-1].text == "x" * 30_000 + "99"


def test_what_waits_for_what_never_comes_is_bounded_and_forgotten(pair: Pair) -> None:
    for number in range(300):
        hear(pair.alice, a_reaction(number, b"\x01" + number.to_bytes(31)))
        hear(pair.alice, a_text(1000 + number, replaces=b"\x01" + number.to_bytes(31)))
    assert count(pair.alice, "reaction") == count(pair.alice, "version") == versions.MAX_WAITING
    pair.world.pass_time(401 * DAY)
    pair.heal()
    assert count(pair.alice, "reaction") == count(pair.alice, "version") == 0


def test_what_is_remembered_of_reactions_that_were_taken_back_is_bounded(pair: Pair) -> None:
    for number in range(300):
        part = NullPart(disposition=Disposition.REACTION)
        hear(pair.alice, MimiContent(salt=bytes(16), part=part, replaces=b"\x01" + number.to_bytes(31)).encode())
    assert count(pair.alice, "reaction") == reactions.MAX_WAITING
    message = bytes.fromhex(pair.write())
    for number in range(300):
        octets = a_reaction(number, message)
        hear(pair.alice, octets)
        ((identifier,),) = pair.alice.read(lambda tx: tx.query("SELECT id FROM reaction WHERE message IS NOT NULL"))
        part = NullPart(disposition=Disposition.REACTION)
        hear(pair.alice, MimiContent(salt=bytes(16), part=part, replaces=cast("bytes", identifier)).encode())
    assert count(pair.alice, "reaction") == reactions.MAX_WAITING


def test_of_very_many_versions_the_latest_are_kept(pair: Pair) -> None:
    hear(pair.alice, a_text(0))
    (first,) = pair.alice.history(pair.bob)
    numbers = list(range(1, 400))
    Random(1).shuffle(numbers)
    for number in numbers:
        hear(pair.alice, a_text(number, replaces=bytes.fromhex(first.id)))
    assert count(pair.alice, "version") == versions.MAX_VERSIONS
    assert [m.text for m in pair.alice.history(pair.bob)] == ["text 399"]


def test_of_very_large_versions_few_are_kept(pair: Pair) -> None:
    """A deletion, which is one envelope, erases all of them in one unit."""
    hear(pair.alice, a_text(0))
    (first,) = pair.alice.history(pair.bob)
    for number in range(1, 20):
        part = SinglePart(content_type="image/png", content=bytes(200_000))
        version = MimiContent(salt=number.to_bytes(16), part=part, sent_at=number, replaces=bytes.fromhex(first.id))
        hear(pair.alice, version.encode())
    kept = pair.alice.read(lambda tx: tx.query("SELECT sent_at FROM version ORDER BY sent_at"))
    assert kept == [(number,) for number in range(15, 20)]


def test_our_own_versions_are_as_many_as_are_kept(pair: Pair) -> None:
    message = pair.write()
    for number in range(versions.MAX_VERSIONS):
        pair.alice.change(lambda unit, number=number: changing.edit(unit, message, str(number)))
    with pytest.raises(TooMany, match="versions"):
        pair.alice.change(lambda unit: changing.edit(unit, message, "one more"))


def test_what_refers_to_itself_in_a_circle_shows_nothing(pair: Pair) -> None:
    """Nobody can make one, for an id is a hash; but what names a version, or a deletion, is as good."""
    hear(pair.alice, a_text(0))
    first = bytes.fromhex(pair.alice.history(pair.bob)[0].id)
    hear(pair.alice, a_text(1, replaces=first))
    second = pair.alice.read(lambda tx: tx.query("SELECT id FROM version"))[0][0]
    assert isinstance(second, bytes)
    hear(pair.alice, a_text(2, replaces=second))
    hear(pair.alice, MimiContent(salt=bytes(16), part=NullPart(), replaces=second).encode())
    assert [m.text for m in pair.alice.history(pair.bob)] == ["text 1"]


# -- expiry


def test_a_message_expires_a_while_after_it_was_read_on_both_sides(pair: Pair) -> None:
    message = pair.write(expires=Expiration(relative=True, time=HOUR))
    pair.heal()
    pair.world.pass_time(DAY)
    pair.be_up(pair.bob, 600)
    assert [m.text for m in pair.bob.history(pair.alice)] == [SECRET], "it is not read yet"
    pair.bob.change(lambda unit: reading.mark_read(unit, "Alice", up_to=message))
    pair.be_up(pair.bob, HOUR - 60)
    assert [m.text for m in pair.bob.history(pair.alice)] == [SECRET]
    pair.be_up(pair.bob, 120)
    pair.be_up(pair.alice, 7200)
    for one, other in ((pair.alice, pair.bob), (pair.bob, pair.alice)):
        assert one.history(other) == []
        assert remains(one) == []


def test_a_message_expires_at_its_time_whether_it_was_read_or_not(pair: Pair) -> None:
    pair.write(expires=Expiration(relative=False, time=pair.world.now // 1000 + HOUR))
    pair.heal()
    for one, other in ((pair.alice, pair.bob), (pair.bob, pair.alice)):
        pair.be_up(one, HOUR + 120)
        assert one.history(other) == []
        assert remains(one) == []


def test_what_expires_while_it_waits_leaves_no_plaintext_and_reaches_nobody(pair: Pair) -> None:
    pair.write(expires=Expiration(relative=False, time=pair.world.now // 1000 + HOUR))
    pair.be_up(pair.alice, HOUR + 120)
    assert remains(pair.alice) == []
    pair.write("after")
    pair.heal()
    pair.be_up(pair.bob, 120)
    assert [m.text for m in pair.bob.history(pair.alice)] == ["after"]
    pair.bob.change(lambda unit: expiry.check(unit, up=DAY * 1000))
    assert remains(pair.bob) == []


def test_what_expires_after_reading_still_reaches_somebody_who_was_away(pair: Pair) -> None:
    pair.write(expires=Expiration(relative=True, time=HOUR))
    pair.be_up(pair.alice, HOUR + 120)
    assert pair.alice.history(pair.bob) == []
    pair.alice.change(requeue.forget_ciphertexts)
    pair.heal()
    assert [m.text for m in pair.bob.history(pair.alice)] == [SECRET]


def test_a_clock_that_is_set_forward_erases_nothing_that_is_not_due(pair: Pair) -> None:
    pair.write(expires=Expiration(relative=True, time=30 * DAY))
    pair.be_up(pair.alice, 600)
    pair.world.now += 10 * 365 * DAY * 1000
    pair.be_up(pair.alice, 12 * HOUR)
    assert pair.alice.history(pair.bob) == [], "by the clock it has expired"
    pair.world.now -= 10 * 365 * DAY * 1000
    pair.be_up(pair.alice, 60)
    assert [m.text for m in pair.alice.history(pair.bob)] == [SECRET]


def test_what_came_due_while_we_were_not_up_is_hidden_at_the_start_and_erased_soon(pair: Pair) -> None:
    pair.write(expires=Expiration(relative=True, time=HOUR))
    pair.heal()
    pair.world.pass_time(2 * DAY)
    pair.alice.change(lambda unit: expiry.check(unit, up=0))
    assert pair.alice.history(pair.bob) == []
    pair.be_up(pair.alice, 600)
    assert remains(pair.alice) == []


def test_long_messages_that_expire_at_once_are_hidden_and_erased_a_few_at_a_time(pair: Pair) -> None:
    """Whoever wrote them decides when that is, and what one unit does, everybody waits for."""
    part = SinglePart(content_type="text/plain", content=b"goose " * 5_000)
    expires = Expiration(relative=False, time=pair.world.now // 1000 + HOUR)
    for number in range(10):
        hear(pair.alice, MimiContent(salt=number.to_bytes(16), part=part, expires=expires).encode())
    while pair.alice.change(index.advance):
        pass
    pair.world.pass_time(HOUR)
    assert pair.alice.change(lambda unit: expiry.check(unit, up=HOUR * 1000))
    assert 5 < len(pair.alice.history(pair.bob)) < 10
    pair.be_up(pair.alice, 60)
    assert pair.alice.history(pair.bob) == []
    assert remains(pair.alice, "goose") == []


def test_a_contact_can_be_removed_while_something_expired_is_not_erased_yet(pair: Pair) -> None:
    pair.write(expires=Expiration(relative=False, time=pair.world.now // 1000 + HOUR))
    while pair.alice.change(index.advance):
        pass
    pair.world.pass_time(HOUR)
    pair.alice.change(lambda unit: expiry.check(unit, up=0))
    pair.alice.remove(pair.bob)
    assert remains(pair.alice) == []


def test_what_was_read_while_the_clock_was_ahead_expires_all_the_same(pair: Pair) -> None:
    message = pair.write(expires=Expiration(relative=True, time=HOUR))
    pair.heal()
    pair.world.now += 365 * DAY * 1000
    pair.bob.change(lambda unit: reading.mark_read(unit, "Alice", up_to=message))
    pair.world.now -= 365 * DAY * 1000
    pair.heal()
    pair.be_up(pair.bob, HOUR + 120)
    assert remains(pair.bob) == []


@pytest.mark.parametrize("seconds", [0, -1, 366 * DAY])
def test_we_write_nothing_that_expires_too_late_or_too_early(pair: Pair, seconds: int) -> None:
    for expires in (
        Expiration(relative=True, time=seconds),
        Expiration(relative=False, time=pair.world.now // 1000 + seconds),
    ):
        with pytest.raises(BadInput, match="365 days"):
            pair.write(expires=expires)


def test_what_others_write_may_expire_in_a_hundred_years(pair: Pair) -> None:
    for expires in (Expiration(relative=True, time=2**32 - 1), Expiration(relative=False, time=2**32 - 1)):
        hear(pair.alice, a_text(expires.relative, expires=expires))
    (*_, last) = pair.alice.history(pair.bob)
    pair.alice.change(lambda unit: reading.mark_read(unit, "Bob", up_to=last.id))
    pair.be_up(pair.alice, 120)
    assert len(pair.alice.history(pair.bob)) == 2


# -- the timer of a conversation


def timer_of(account: Account, other: Account) -> tuple[int | None, bool]:
    """Return a conversation's timer, and whether the account itself set it last."""

    def look(tx: ReadTransaction) -> tuple[int | None, bool]:
        number = contacts.find(tx, other.name).conversation.id
        ((seconds, ours),) = tx.query(
            "SELECT expire_after, timer_by = (SELECT peer FROM account) FROM conversation WHERE id = ?", (number,)
        )
        return cast("int | None", seconds), bool(ours)

    return account.read(look)


def test_both_have_the_timer_that_was_set_last_and_know_who_set_it(pair: Pair) -> None:
    pair.bob.change(lambda unit: changing.set_timer(unit, "Alice", 60))
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", DAY))  # neither has heard the other
    pair.heal()
    (alices, by_alice), (bobs, by_bob) = timer_of(pair.alice, pair.bob), timer_of(pair.bob, pair.alice)
    assert alices == bobs
    assert by_alice != by_bob
    pair.bob.change(lambda unit: changing.set_timer(unit, "Alice", None))
    pair.heal()
    assert timer_of(pair.alice, pair.bob) == (None, 0)
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", HOUR))
    pair.heal()
    assert timer_of(pair.bob, pair.alice) == (HOUR, 0)


def test_a_line_says_on_both_sides_who_set_the_timer_to_what_whatever_came_first(pair: Pair) -> None:
    pair.bob.change(lambda unit: changing.set_timer(unit, "Alice", 60))
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", DAY))
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", None))
    pair.heal()

    def lines(account: Account, other: Account) -> list[tuple[str, int | None]]:
        return [(m.author_id, m.timer.expire_after) for m in account.history(other) if m.timer]

    for one, other in ((pair.alice, pair.bob), (pair.bob, pair.alice)):
        assert sorted(lines(one, other), key=str) == sorted(lines(other, one), key=str)
        assert {m.timer.expire_after for m in one.history(other) if m.timer} == {60, DAY, None}
        assert {m.state for m in one.history(other)} == {MessageState.DELIVERED, MessageState.RECEIVED}
        assert one.read(lambda tx, name=other.name: views.contact_view(tx, contacts.find(tx, name))).unread == 0


def test_a_line_about_a_timer_cannot_be_answered_changed_or_taken_for_deleted(pair: Pair) -> None:
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", DAY))
    pair.heal()
    (line,) = pair.bob.history(pair.alice)
    assert (line.text, line.deleted) == (None, False)
    for act in (
        lambda unit: changing.react(unit, line.id, "👍"),
        lambda unit: changing.edit(unit, line.id, "no"),
        lambda unit: compose(unit, "Alice", "what?", reply_to=line.id),
    ):
        with pytest.raises(BadInput, match="timer"):
            pair.bob.change(act)
    pair.bob.change(lambda unit: changing.delete(unit, line.id, for_me=True))
    assert pair.bob.history(pair.alice) == []


def test_what_is_written_while_a_timer_is_set_expires_whatever_becomes_of_the_timer(pair: Pair) -> None:
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", HOUR))
    message = pair.write()
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", None))
    pair.write("stays")
    pair.heal()
    pair.bob.change(lambda unit: reading.mark_read(unit, "Alice", up_to=message))
    pair.be_up(pair.bob, HOUR + 120)
    assert [m.text for m in pair.bob.history(pair.alice) if not m.timer] == ["stays"]


def test_a_timer_of_somebody_whose_clock_is_ahead_can_be_set_again(pair: Pair) -> None:
    pair.world.now += 365 * DAY * 1000
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", HOUR))
    pair.world.now -= 365 * DAY * 1000
    pair.heal()
    pair.bob.change(lambda unit: changing.set_timer(unit, "Alice", None))
    pair.heal()
    assert timer_of(pair.alice, pair.bob) == (None, 0)


# -- mentions


def mentions(account: Account) -> list[bool]:
    return account.read(lambda tx: [row.mentions_us for row in rows.messages_where(tx, "1 ORDER BY seq")])


def test_a_mention_is_a_link_to_the_person_and_everything_else_stays_as_it_was_typed(pair: Pair) -> None:
    pair.alice.change(lambda unit: compose(unit, "Bob", Text(text="2*3*4, @Bob?\nYes", mentions=["Bob"])))
    pair.heal()
    (message,) = pair.bob.history(pair.alice)
    assert message.content_type == "text/markdown;variant=GFM-MIMI"
    uri = f"balchat:{pair.bob.peer.onion.removesuffix('.onion')}"
    assert message.text == f"2\\*3\\*4, [@Bob]({uri})?\\\nYes"
    assert mentions(pair.bob) == [True]
    assert mentions(pair.alice) == [False]


def test_only_so_many_mentions_are_shown_under_names_and_none_that_is_escaped() -> None:
    link = "[@x](balchat:" + "a" * 56 + ")"
    named = link.replace("@x", "@Ann")
    shown = MAX_MENTIONS * named
    assert under_names("\\" + link + MAX_MENTIONS * link + link, lambda _: "Ann") == "\\" + link + shown + link
    assert under_names("\\\\" + link, lambda _: "Ann") == "\\\\" + named
    many = "\\[" * 10_000
    assert under_names(many + link, lambda _: "Ann") == many + named


def test_an_edit_can_mention_somebody_and_can_stop(pair: Pair) -> None:
    message = pair.write("hello")
    pair.alice.change(lambda unit: changing.edit(unit, message, Text(text="@Bob", mentions=["Bob"])))
    pair.heal()
    assert mentions(pair.bob) == [True]
    pair.alice.change(lambda unit: changing.edit(unit, message, "hello"))
    pair.heal()
    assert mentions(pair.bob) == [False]


def test_only_members_are_mentioned(pair: Pair) -> None:
    pair.alice.change(lambda unit: changing.set_timer(unit, "Bob", None))
    carol = pair.world.account("Carol")
    pair.alice.add(carol)
    with pytest.raises(BadInput, match="not in this conversation"):
        pair.alice.change(lambda unit: compose(unit, "Bob", Text(text="@Carol", mentions=["Carol"])))
