"""Edits, deletions and reactions come to the same, in whatever order and however often they come.

`expected` is an independent model: it looks at all that was said at once, and knows no order of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from balchat_host.api.types import PeerId
from balchat_host.api.views import ConversationKind
from balchat_host.core import membership, peers, rows
from balchat_host.core.content import MimiContent, NullPart, SinglePart
from balchat_host.core.identifiers import identify
from balchat_host.core.messages.acting import act
from balchat_host.core.messages.said import Said
from balchat_host.core.rows import ConversationRow
from tests.host.core.conftest import Bench

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.core.unit_of_work import UnitOfWork

EMOJIS = ("👍", "❤", "🎉")
PEERS = (PeerId(bytes(31) + b"\x01"), PeerId(bytes(31) + b"\x02"))
CONVERSATION = bytes(16)
Shown: TypeAlias = "dict[bytes, list[tuple[int, str | None, frozenset[tuple[int, str]]]]]"
"""By message id: for each author it is shown of, who that is, the text (None if deleted) and the reactions."""


@dataclass
class Statement:
    """What one of the two said: `author` is 0 or 1."""

    author: int
    mimi: MimiContent
    id: bytes = field(init=False)
    octets: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.octets = self.mimi.encode()
        self.id = identify(self.mimi, self.octets, author=PEERS[self.author], conversation_id=CONVERSATION)

    @property
    def text(self) -> str:
        return self.mimi.body.decode()

    @property
    def order(self) -> tuple[int, bytes]:
        return self.mimi.sent_at or 0, self.id


class Reader:
    """A vault in which all of it arrives."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.bench.run(self._begin)

    def _begin(self, unit: UnitOfWork) -> None:
        us = PeerId(bytes(31) + b"\x03")
        our_number = peers.know(unit, us)
        unit.tx.execute(
            "INSERT INTO account (only, peer, account_key, device_id, device_onion_seed, name)"
            " VALUES (1, ?, ?, x'00', x'00', 'We')",
            (our_number, us.octets),
        )
        numbers = [peers.know(unit, peer) for peer in PEERS]
        number = membership.begin(unit, ConversationKind.GROUP, CONVERSATION, [our_number, *numbers])
        self.numbers = numbers
        self.conversation = ConversationRow(
            id=number,
            us=us,
            our_number=our_number,
            conversation_id=CONVERSATION,
            kind=ConversationKind.GROUP,
            contact=None,
            open=False,
        )

    def hear(self, statement: Statement) -> None:
        said = Said(
            conversation=self.conversation,
            author=self.numbers[statement.author],
            id=statement.id,
            mimi=statement.mimi,
            encoded=statement.octets,
        )
        self.bench.pass_time(seconds=1)
        self.bench.run(lambda unit: act(unit, said))

    def shown(self) -> Shown:
        return self.bench.units.run(self._shown)

    def _shown(self, tx: ReadTransaction) -> Shown:
        shown: Shown = {}
        for row in rows.messages_where(tx, f"{rows.SHOWN} ORDER BY message.id, message.author"):
            found = tx.query("SELECT author, emoji FROM reaction WHERE message = ? AND emoji IS NOT NULL", (row.seq,))
            reactions = frozenset((self.numbers.index(cast("int", a)), str(e)) for a, e in found)
            shown.setdefault(row.id, []).append((PEERS.index(row.author), row.text, reactions))
        return shown


def expected(said: list[Statement]) -> Shown:
    """Return what is to be seen once all of it has arrived."""
    by_id = {each.id: each for each in said}
    plain = {i: s for i, s in by_id.items() if s.mimi.replaces is None and s.mimi.part.disposition != 2}
    reacting = {i: s for i, s in by_id.items() if s.mimi.replaces is None and s.mimi.part.disposition == 2}
    edits = {i: s for i, s in by_id.items() if s.mimi.replaces is not None and not s.mimi.deletes}
    deletions = [s for s in by_id.values() if s.mimi.deletes]

    def deleted(target: Statement) -> bool:
        return any(d.mimi.replaces == target.id and d.author == target.author for d in deletions)

    shown: Shown = {}
    for identifier, message in plain.items():
        if deleted(message):
            shown[identifier] = [(message.author, None, frozenset())]
            continue
        versions = [e for e in edits.values() if e.mimi.replaces == identifier and e.author == message.author]
        text = max(versions, key=lambda e: e.order).text if versions else message.text
        names = {identifier, *(e.id for e in versions)}
        reactions = frozenset(
            (r.author, r.text) for r in reacting.values() if r.mimi.in_reply_to in names and not deleted(r)
        )
        shown[identifier] = [(message.author, text, reactions)]
    came = plain | reacting | edits
    for d in deletions:
        target = d.mimi.replaces
        if target is not None and target not in came and d.mimi.part.disposition != 2:
            entry = (d.author, None, frozenset[tuple[int, str]]())
            if entry not in shown.setdefault(target, []):
                shown[target] = sorted([*shown[target], entry])
    return shown


@st.composite
def conversations(draw: st.DrawFn) -> list[Statement]:
    """Return what two people say, some of it hostile: of each other's messages, of edits, of what there is not."""
    salts = count(1)
    unknown = bytes(31) + b"\xff"
    said: list[Statement] = []
    for _ in range(draw(st.integers(1, 9))):
        targets = [unknown, *(each.id for each in said)]
        # Most of what is said is of what is there.
        target = draw(st.sampled_from(targets + targets[1:] * 3))
        kind = draw(st.sampled_from(("text", "edit", "edit", "delete", "react", "react", "unreact")))
        fields: dict[str, Any] = {
            "salt": next(salts).to_bytes(16),
            "sent_at": draw(st.integers(1, 4)),
        }
        emoji = draw(st.sampled_from(EMOJIS)).encode()
        match kind:
            case "text" | "edit":
                fields["part"] = SinglePart(content_type="text/plain", content=b"%d" % len(said))
            case "react":
                fields |= {"part": SinglePart(content_type="text/plain", content=emoji, disposition=2)}
                fields |= {"in_reply_to": target}
            case _:
                fields["part"] = NullPart(disposition=1 if kind == "delete" else 2)
        if kind in ("edit", "delete", "unreact"):
            fields["replaces"] = target
        said.append(Statement(draw(st.integers(0, 1)), MimiContent(**fields)))
    return said


@settings(max_examples=150, deadline=None)
@given(conversations(), st.data())
def test_what_is_seen_does_not_depend_on_the_order_of_arrival(said: list[Statement], data: st.DataObject) -> None:
    arriving = data.draw(st.permutations(said + data.draw(st.lists(st.sampled_from(said), max_size=4))))
    reader = Reader()
    for each in arriving:
        reader.hear(each)
    assert reader.shown() == expected(said)


def test_somebody_elses_deletion_of_a_reaction_that_was_taken_back_before_it_came_shows_nothing() -> None:
    part = SinglePart(content_type="text/plain", content=EMOJIS[0].encode(), disposition=2)
    reaction = Statement(0, MimiContent(salt=bytes(16), sent_at=1, part=part, in_reply_to=bytes(32)))
    taken_back, deletion = (
        Statement(author, MimiContent(salt=bytes([author + 1] * 16), sent_at=1, part=part, replaces=reaction.id))
        for author, part in ((0, NullPart(disposition=2)), (1, NullPart()))
    )
    reader = Reader()
    for each in (taken_back, deletion, reaction):
        reader.hear(each)
    assert reader.shown() == expected([taken_back, deletion, reaction]) == {}
