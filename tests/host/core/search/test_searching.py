"""The index finds what looking at each message would find, whatever was written, changed and removed, in any order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balchat_host.core.search import index, pages, words
from balchat_host.core.search.searching import Bounds, search
from tests.host.core.conftest import Bench

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.core.unit_of_work import UnitOfWork

Step: TypeAlias = tuple[str] | tuple[str, int, str | None] | tuple[str, int, int, int, str | None]

CONVERSATIONS = 2
AUTHORS = 2
_WORDS = ("alpha", "beta", "gamma", "Éta", "東京都", "京都", "東")


@dataclass
class Written:
    conversation: int
    author: int
    sent_at: int
    text: str | None


class Vault:
    """Messages in the tables, and beside them in a plain dictionary."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.messages: dict[int, Written] = {}
        bench.run(self._begin)

    @staticmethod
    def _begin(unit: UnitOfWork) -> None:
        for number in range(1, CONVERSATIONS + 1):
            unit.insert("INSERT INTO conversation (conversation_id, kind) VALUES (?, 'group')", (bytes([number]),))

    def write(self, conversation: int, author: int, sent_at: int, text: str | None) -> int:
        seq = self.bench.run(
            lambda unit: unit.insert(
                "INSERT INTO message (id, conversation, author, sent_at, received_at, content_type, disposition, text,"
                " content) VALUES (?, ?, ?, ?, 0, 'text', 1, ?, x'00')",
                (len(self.messages).to_bytes(4), conversation, author, sent_at, text),
            )
        )
        self.messages[seq] = Written(conversation, author, sent_at, text)
        return seq

    def edit(self, seq: int, text: str | None) -> None:
        def change(unit: UnitOfWork) -> None:
            index.remove(unit, [seq])
            unit.tx.execute("UPDATE message SET text = ? WHERE seq = ?", (text, seq))
            index.add(unit, seq)

        self.bench.run(change)
        self.messages[seq].text = text

    def advance(self) -> bool:
        return self.bench.run(index.advance)

    def find(self, query: str, bounds: Bounds = Bounds(), *, limit: int = 3) -> list[int]:  # noqa: B008  # frozen
        """Return all hits, page by page."""
        asked = words.parse(query)
        hits: list[int] = []
        for _ in range(len(self.messages) + 2):
            found = self.bench.run(lambda unit, bounds=bounds: search(unit.tx, asked, bounds, limit=limit))
            hits.extend(found.seqs)
            if found.resume_before is None:
                return hits
            bounds = Bounds(
                conversation=bounds.conversation, author=bounds.author, since=bounds.since, until=bounds.until,
                before=found.resume_before,
            )  # fmt: skip
        pytest.fail("the pages do not end")

    def expected(self, query: str, bounds: Bounds) -> list[int]:
        asked = words.parse(query)
        return [
            seq
            for seq, message in sorted(self.messages.items(), reverse=True)
            if message.text is not None
            and asked.fits_terms(words.terms(message.text))
            and asked.fits(message.text)
            and bounds.conversation in (None, message.conversation)
            and bounds.author in (None, message.author)
            and bounds.holds(message.sent_at)
        ]

    def all_terms(self, tx: ReadTransaction) -> int:
        return len(tx.query("SELECT rowid FROM message_terms WHERE message_terms MATCH ?", ('"alpha" OR "beta"',)))


@pytest.fixture
def vault(bench: Bench) -> Vault:
    return Vault(bench)


texts = st.none() | st.lists(st.sampled_from(_WORDS), max_size=4).map(" ".join)
steps = st.one_of(
    st.tuples(
        st.just("write"),
        st.integers(1, CONVERSATIONS),
        st.integers(1, AUTHORS),
        st.integers(0, 9),
        texts,
    ),
    st.tuples(st.just("edit"), st.integers(0, 30), texts),
    st.tuples(st.just("advance")),
)
bounds = st.builds(
    Bounds,
    conversation=st.none() | st.integers(1, CONVERSATIONS),
    author=st.none() | st.integers(1, AUTHORS),
    since=st.none() | st.integers(0, 9),
    until=st.none() | st.integers(0, 9),
)
queries = st.sampled_from((*_WORDS, "alpha beta", '"beta alpha"', "alp* 京都", "eta", "東京"))


@given(st.lists(steps, max_size=30), st.lists(st.tuples(queries, bounds), min_size=1, max_size=8))
def test_it_finds_what_looking_at_every_message_finds(taken: list[Step], asked: list[tuple[str, Bounds]]) -> None:
    vault = Vault(Bench())
    for step in taken:
        match step:
            case ("write", conversation, author, sent_at, text):
                vault.write(conversation, author, sent_at, text)
            case ("edit", which, text) if vault.messages:
                vault.edit(sorted(vault.messages)[which % len(vault.messages)], text)
            case _:
                vault.advance()
    for query, within in asked:
        assert vault.find(query, within) == vault.expected(query, within)


def test_the_newest_come_first_and_the_rest_page_by_page(vault: Vault) -> None:
    for n in range(300):
        vault.write(1 + n % 2, 1, n, f"alpha {n}")
    while vault.advance():
        pass
    vault.write(1, 1, 300, "alpha not indexed")
    assert vault.find("alpha", Bounds(conversation=1), limit=7) == [301, *range(299, 0, -2)]


def test_phrases_that_many_may_have_are_looked_for_a_few_at_a_time(vault: Vault) -> None:
    first = vault.write(1, 1, 0, "beta alpha")
    for _ in range(500):
        vault.write(1, 1, 1, "alpha beta")
    while vault.advance():
        pass
    found = vault.bench.run(lambda unit: search(unit.tx, words.parse('"beta alpha"'), Bounds(), limit=10))
    assert found.seqs == ()
    assert found.resume_before is not None
    assert vault.find('"beta alpha"') == [first]


def test_long_texts_are_looked_through_a_few_at_a_time(vault: Vault) -> None:
    first = vault.write(1, 1, 0, "beta")
    for _ in range(50):
        vault.write(1, 1, 1, "alpha " * 5_000)
    found = vault.bench.run(lambda unit: search(unit.tx, words.parse("beta"), Bounds(), limit=10))
    assert found.seqs == ()
    assert found.resume_before is not None
    assert vault.find("beta") == [first]


def test_an_excerpt_of_a_text_whose_word_stands_far_behind_is_its_beginning() -> None:
    text = "alpha " * 5_000 + "beta"
    assert pages.excerpt(text, words.parse("beta")).startswith("alpha alpha")


def test_long_texts_are_indexed_a_few_at_a_time(vault: Vault) -> None:
    for _ in range(10):
        vault.write(1, 1, 0, "alpha " * 5_000)
    assert vault.advance()
    assert vault.bench.run(lambda unit: index.waiting(unit.tx, at_most=100)) >= 7
    for _ in range(10):
        vault.advance()
    assert vault.bench.run(lambda unit: index.waiting(unit.tx, at_most=100)) == 0


def test_what_was_indexed_by_other_rules_is_indexed_again(vault: Vault) -> None:
    seq = vault.write(1, 1, 0, "alpha")
    vault.advance()
    vault.bench.run(lambda unit: unit.tx.execute("UPDATE search_progress SET rules = 'older'"))
    vault.write(1, 1, 0, "beta")
    vault.advance()
    assert vault.find("alpha") == [seq]
    assert vault.bench.run(lambda unit: vault.all_terms(unit.tx)) == 2


def test_what_was_indexed_by_other_rules_can_be_changed_and_removed(vault: Vault) -> None:
    """Its terms are others by the rules of now, and SQLite calls an index broken from which those are taken out."""
    changed, removed = vault.write(1, 1, 0, "alpha"), vault.write(2, 1, 0, "alpha")
    vault.advance()

    def index_otherwise(unit: UnitOfWork) -> None:
        unit.tx.execute("INSERT INTO message_terms (message_terms) VALUES ('delete-all')")
        unit.tx.execute("UPDATE search_progress SET rules = 'older'")

    vault.bench.run(index_otherwise)
    vault.edit(changed, "beta")
    vault.bench.run(lambda unit: index.remove(unit, [removed]))
    vault.advance()
    assert vault.find("beta") == [changed]


def test_a_conversation_of_few_long_texts_is_a_large_removal(vault: Vault) -> None:
    kept = vault.write(2, 1, 0, "alpha")
    for _ in range(20):
        vault.write(1, 1, 0, "alpha " * 5_000)
    while vault.advance():
        pass
    vault.bench.run(lambda unit: index.remove_conversation(unit, 1))
    assert vault.bench.run(lambda unit: index.indexed_up_to(unit.tx)) == 0
    vault.bench.run(lambda unit: unit.tx.execute("DELETE FROM message WHERE conversation = 1"))
    assert vault.find("alpha") == [kept]


def test_after_a_large_removal_the_rest_is_found_again(vault: Vault) -> None:
    kept = vault.write(2, 1, 0, "alpha")
    for _ in range(1100):
        vault.write(1, 1, 0, "alpha")
    while vault.advance():
        pass

    def remove(unit: UnitOfWork) -> None:
        index.remove_conversation(unit, 1)
        unit.tx.execute("DELETE FROM message WHERE conversation = 1")

    vault.bench.run(remove)
    assert vault.bench.run(lambda unit: vault.all_terms(unit.tx)) == 0
    assert vault.find("alpha") == [kept]
    vault.advance()
    assert vault.find("alpha") == [kept]


def test_a_message_with_too_many_words_is_found_by_each_of_them(vault: Vault) -> None:
    many = " ".join(f"word{number}" for number in range(index.MAX_TERMS + 1))
    seq = vault.write(1, 1, 0, many)
    others = [vault.write(2, 2, 0, "word7 alone"), vault.write(1, 2, 0, "nothing")]
    while vault.advance():
        pass
    for query in ("word7", "word2048 word1", "word204*", '"word1 word2"', "nowhere", "alone"):
        for bounds in (Bounds(), Bounds(conversation=1), Bounds(author=1)):
            assert vault.find(query, bounds) == vault.expected(query, bounds), query
    assert vault.find("word2048") == [seq]
    vault.edit(seq, "few words")
    assert vault.find("word7") == others[:1]
    assert vault.find("few") == [seq]


def test_to_take_out_a_message_costs_what_a_bounded_number_of_words_costs(bench: Bench) -> None:
    vault = Vault(bench)
    seq = vault.write(1, 1, 0, " ".join(f"w{number}" for number in range(3 * index.MAX_TERMS)))
    while vault.advance():
        pass
    counted = bench.run(lambda unit: unit.tx.query("SELECT sum(length(block)) FROM message_terms_data"))
    assert counted[0][0] < index.MAX_TERMS
    vault.edit(seq, None)
