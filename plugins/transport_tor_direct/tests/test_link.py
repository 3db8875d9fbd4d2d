"""The link's machine, without any stream or clock."""

from __future__ import annotations

from random import Random

import pytest
from balchat_transport_tor_direct.frames import CloseReason, Frame, FrameReader, FrameType
from balchat_transport_tor_direct.link import Answered, Closed, Link, LinkState, Ponged
from balchat_transport_tor_direct.settings import DirectSettings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balchat_host.api.errors import ProtocolViolation
from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Disposition, Outcome, SendReport, Verdict

COMMITTED = Disposition(verdict=Verdict.COMMITTED)
IGNORED = Disposition(verdict=Verdict.IGNORED)
LARGE = bytes(MAX_ENVELOPE_SIZE)
ALL = 100 * MAX_ENVELOPE_SIZE


class End:
    """A link, what is on its way to it, and what it told."""

    def __init__(self, settings: DirectSettings | None = None) -> None:
        self.link = Link(settings or DirectSettings(), FrameReader(), 0.0)
        self.coming = bytearray()
        self.told: dict[int, list[Outcome]] = {}
        self.received: list[bytes] = []

    def tell(self, reports: list[SendReport]) -> None:
        for report in reports:
            before = self.told.setdefault(report.ticket, [])
            assert before in ([], [Outcome.SENT]), "a report after the final one"
            assert not (before and report.outcome is Outcome.SENT), "SENT twice"
            before.append(report.outcome)

    def write(self, other: End, most: int = 65_536, now: float = 0.0) -> int:
        output = self.link.output(most)
        other.coming += output.octets
        self.tell(self.link.left(output, now))
        return len(output.octets)

    def read(self, size: int = ALL, now: float = 0.0) -> list[object]:
        octets, events = bytes(self.coming[:size]), list[object]()
        del self.coming[:size]
        self.link.feed(octets, now)
        while event := self.link.next_event():
            if isinstance(event, Answered):
                self.tell(event.reports)
            events.append(event)
        return events

    def commit(self, disposition: Disposition = COMMITTED, *, most: int = 100, now: float = 0.0) -> int:
        batch = self.link.take_batch(envelopes=most, octets=ALL)
        self.received += [arrival.envelope for arrival in batch]
        self.link.answer(batch, [disposition] * len(batch), now)
        return len(batch)


def pair(settings: DirectSettings | None = None) -> tuple[End, End]:
    return End(settings), End(settings)


def settle(one: End, other: End, disposition: Disposition = COMMITTED) -> None:
    """Let everything arrive; `other` answers like this, `one` commits."""
    moved = True
    while moved:
        moved = False
        for a, b, answer in ((one, other, disposition), (other, one, COMMITTED)):
            moved |= a.write(b) > 0
            b.read()
            moved |= b.commit(answer) > 0


def frames_in(octets: bytes | bytearray) -> list[Frame]:
    reader = FrameReader()
    reader.feed(bytes(octets))
    return list(iter(reader.next, None))


def kinds(octets: bytes | bytearray) -> list[FrameType]:
    return [frame.type for frame in frames_in(octets)]


# -- order, pieces, window


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(
    sizes=st.lists(st.sampled_from([1, 1000, 16_384, 16_385, 70_000, 400_000, MAX_ENVELOPE_SIZE]), max_size=12),
    replies=st.lists(st.sampled_from([1, 16_385, 200_000]), max_size=3),
    seed=st.integers(0, 2**32),
)
def test_whatever_happens_when_all_arrives_once_and_in_order(sizes: list[int], replies: list[int], seed: int) -> None:
    random = Random(seed)
    one, other = pair()
    ends = (one, other)
    envelopes = [random.randbytes(size) for size in sizes]
    answer = Disposition(verdict=Verdict.COMMITTED, replies=tuple(random.randbytes(size) for size in replies))
    left = list(enumerate(envelopes))
    for _ in range(300):
        if left and random.random() < 0.3:
            one.link.submit(*left.pop(0), 0.0)
        a, b = random.sample(ends, 2)
        a.write(b, most=random.choice([1, 20_000, 200_000]))
        b.read(random.choice([1, 13, 5000, 100_000]))
        if random.random() < 0.3:
            other.commit(answer, most=random.randrange(1, 5))
            one.commit()
        for end in ends:
            assert end.link.held <= 2 * (MAX_ENVELOPE_SIZE + 64 * 12) + 512 * 1024
    for ticket, envelope in left:
        one.link.submit(ticket, envelope, 0.0)
    settle(one, other, answer)
    assert other.received == envelopes
    assert one.received == list(answer.replies) * len(envelopes)
    assert one.told == {ticket: [Outcome.SENT, Outcome.DELIVERED] for ticket in range(len(envelopes))}
    assert other.told == {}
    assert one.link.held == other.link.held == 0


def test_answers_and_keep_alive_pass_between_the_pieces_of_a_large_envelope() -> None:
    one, other = pair()
    one.link.submit(0, LARGE, 0.0)
    one.write(other, most=1)
    other.link.submit(0, b"small", 0.0)
    other.link.probe(0.0)
    other.write(one)
    one.read()
    one.commit()
    other.coming.clear()
    one.write(other, most=1)
    assert kinds(other.coming)[:2] == [FrameType.ACK, FrameType.PONG]


def test_a_reply_passes_between_the_pieces_of_a_large_envelope() -> None:
    one, other = pair()
    one.link.submit(0, LARGE, 0.0)
    one.write(other, most=1)
    other.link.submit(0, b"question", 0.0)
    other.write(one)
    one.read()
    one.commit(Disposition(verdict=Verdict.COMMITTED, replies=(b"reply",)))
    other.coming.clear()
    one.write(other, most=3 * 16_384)
    assert kinds(other.coming)[:4] == [FrameType.FRAGMENT, FrameType.ENVELOPE, FrameType.FRAGMENT, FrameType.ACK]


def test_a_small_envelope_does_not_overtake_a_large_one_before_it() -> None:
    one, other = pair()
    one.link.submit(0, LARGE, 0.0)
    one.link.submit(1, b"small", 0.0)
    settle(one, other)
    assert other.received == [LARGE, b"small"]


def test_a_receiver_that_commits_nothing_stops_the_sender_but_not_the_answers() -> None:
    one, other = pair()
    for ticket in range(200):
        one.link.submit(ticket, bytes(16_384), 0.0)
    sent = 0
    while written := one.write(other):
        sent += written
        other.read()
        other.write(one)
        one.read()
    assert sent <= 512 * 1024
    other.link.submit(0, b"in the other direction", 0.0)
    other.write(one)
    one.read()
    one.commit()
    one.write(other)
    other.read()
    assert other.told[0] == [Outcome.SENT, Outcome.DELIVERED]


def test_small_replies_do_not_eat_up_the_window_that_a_large_piece_waits_for() -> None:
    one, other = pair()
    for ticket in range(4):
        one.link.submit(ticket, bytes(16_384), 0.0)
    one.write(other)
    assert kinds(other.coming).count(FrameType.ENVELOPE) == 3
    other.link.submit(0, b"question", 0.0)
    other.write(one)
    # The peer's WINDOW is held back: one more full piece does not fit in what it gave at first.
    one.coming = bytearray(b"".join(f.encode() for f in frames_in(one.coming) if f.type is not FrameType.WINDOW))
    one.read()
    one.commit(Disposition(verdict=Verdict.COMMITTED, replies=(b"reply",) * 10))
    # It is a reply's turn, but only one's.
    other.coming.clear()
    one.write(other)
    assert kinds(other.coming) == [FrameType.ENVELOPE]
    one.coming += Frame(FrameType.WINDOW, 65_536 + 16_396).encode()
    one.read()
    other.coming.clear()
    one.write(other)
    assert len(frames_in(other.coming)[0].payload) == 16_384


def test_commits_in_a_row_share_one_acknowledgement() -> None:
    one, other = pair()
    for ticket in range(50):
        one.link.submit(ticket, b"x", 0.0)
    one.write(other)
    other.read()
    other.write(one)
    one.coming.clear()
    other.commit()
    other.write(one)
    assert kinds(one.coming) == [FrameType.ACK]
    one.read()
    assert set(map(tuple, one.told.values())) == {(Outcome.SENT, Outcome.DELIVERED)}


def test_the_window_grows_before_anything_is_known_of_what_was_handed_on() -> None:
    one, other = pair()
    for ticket in range(40):
        one.link.submit(ticket, bytes(16_384), 0.0)
    while one.write(other):
        other.read()
        other.write(one)
        one.read()
    other.link.take_batch(envelopes=20, octets=ALL)
    other.write(one)
    assert kinds(one.coming) == [FrameType.WINDOW]


def test_a_batch_is_bounded_in_octets_but_never_empty() -> None:
    one, other = pair()
    for ticket, size in enumerate([5000, 100, 100, 100]):
        one.link.submit(ticket, bytes(size), 0.0)
    one.write(other)
    other.read()
    batches = [other.link.take_batch(envelopes=10, octets=200) for _ in range(3)]
    assert [[len(arrival.envelope) for arrival in batch] for batch in batches] == [[5000], [100, 100], [100]]


# -- reports


def test_an_answer_that_is_quicker_than_our_own_news_comes_after_it() -> None:
    one, other = pair()
    one.link.submit(7, b"x", 0.0)
    output = one.link.output(1000)
    other.coming += output.octets
    other.read()
    other.commit()
    other.write(one)
    one.read()
    one.tell(one.link.left(output, 0.0))
    assert one.told == {7: [Outcome.SENT, Outcome.DELIVERED]}


def test_an_envelope_without_an_answer_is_given_up_and_a_late_answer_is_ignored() -> None:
    one, other = pair()
    one.link.submit(0, b"slow", 0.0)
    one.write(other, now=5.0)
    other.read()
    one.tell(one.link.tick(64.9))
    assert one.told == {0: [Outcome.SENT]}
    one.read(now=64.9)
    assert one.link.deadline() == 65.0
    one.tell(one.link.tick(65.0))
    assert one.told == {0: [Outcome.SENT, Outcome.LOST]}
    other.commit()
    other.write(one)
    one.read()
    assert one.told == {0: [Outcome.SENT, Outcome.LOST]}
    assert one.link.state is LinkState.OPEN


def test_closing_loses_everything_that_has_no_answer_and_says_nothing_but_close() -> None:
    one, other = pair()
    for ticket in range(3):
        one.link.submit(ticket, LARGE if ticket == 2 else b"x", 0.0)
    one.write(other, most=30_000)
    one.tell(one.link.close(CloseReason.REPLACED))
    assert one.told == {0: [Outcome.SENT, Outcome.LOST], 1: [Outcome.SENT, Outcome.LOST], 2: [Outcome.LOST]}
    other.coming.clear()
    one.write(other)
    assert frames_in(other.coming) == [Frame(FrameType.CLOSE, CloseReason.REPLACED)]
    assert one.write(other) == 0
    assert Closed(CloseReason.REPLACED) in other.read()
    other.link.submit(0, b"x", 0.0)
    assert other.write(one) == 0
    other.tell(other.link.end())
    assert other.told == {0: [Outcome.LOST]}


def test_what_comes_behind_our_close_is_ignored() -> None:
    one, other = pair()
    one.link.close(CloseReason.GOING_AWAY)
    other.link.submit(0, b"x", 0.0)
    other.write(one)
    assert one.read() == []
    assert one.link.waiting == 0


def test_room_is_bounded_in_number_and_octets() -> None:
    few = End(DirectSettings(send_envelopes=2))
    few.link.submit(0, b"x", 0.0)
    assert few.link.has_room(LARGE)
    few.link.submit(1, b"x", 0.0)
    assert not few.link.has_room(b"x")
    small = End(DirectSettings(send_octets=MAX_ENVELOPE_SIZE))
    assert small.link.has_room(LARGE)
    small.link.submit(0, b"x", 0.0)
    assert not small.link.has_room(LARGE)


# -- time


def test_an_idle_link_is_pinged_once_a_minute() -> None:
    one, other = pair()
    now = 0.0
    for _ in range(10):
        assert one.link.deadline() == now + 60
        now += 60
        assert one.link.tick(now) == []
        one.write(other, now=now)
        other.read(now=now)
        other.write(one, now=now)
        now += 1
        assert any(isinstance(event, Ponged) for event in one.read(now=now))


def test_a_link_that_waits_for_an_answer_is_pinged_sooner() -> None:
    one, other = pair()
    one.link.submit(0, b"x", 100.0)
    one.write(other, now=100.0)
    assert one.link.deadline() <= 100.0
    one.link.tick(100.0)
    other.coming.clear()
    one.write(other)
    assert kinds(other.coming) == [FrameType.PING]


def test_a_peer_that_answers_no_ping_is_dead() -> None:
    one, other = pair()
    one.link.tick(60.0)
    one.write(other, now=60.0)
    assert one.link.deadline() == 80.0
    one.link.tick(80.0)
    assert one.link.state is LinkState.CLOSING


def test_any_octet_is_a_sign_of_life() -> None:
    one, other = pair()
    one.link.tick(60.0)
    one.write(other, now=60.0)
    other.link.submit(0, LARGE, 79.0)
    other.write(one, now=79.0)
    one.read(100, now=79.0)
    one.link.tick(80.0)
    assert one.link.state is LinkState.OPEN


def test_a_peer_that_lives_but_takes_nothing_is_given_up() -> None:
    one, other = pair()
    for ticket in range(10):
        one.link.submit(ticket, bytes(16_384), 0.0)
    now = 0.0
    while one.write(other, now=now):
        pass
    while one.link.state is LinkState.OPEN:
        now += 5
        assert now < 100
        one.coming += Frame(FrameType.PING, 1).encode()
        one.read(now=now)
        one.tell(one.link.tick(now))
    assert now == 60
    assert len(one.told) == 10
    assert {outcomes[-1] for outcomes in one.told.values()} == {Outcome.LOST}


def test_a_flood_of_pings_makes_one_pong() -> None:
    one, other = pair()
    other.write(one)
    one.coming.clear()
    other.coming += b"".join(Frame(FrameType.PING, token).encode() for token in range(1000))
    other.read()
    other.write(one)
    assert frames_in(one.coming) == [Frame(FrameType.PONG, 999)]


def test_a_violation_is_the_peers_fault() -> None:
    one, _ = pair()
    one.coming += Frame(FrameType.ACK, 0, bytes(4)).encode()
    with pytest.raises(ProtocolViolation):
        one.read()


@pytest.mark.parametrize("left_at", [8388.1, 0.1 + 0.2, 1e9 + 0.7, 123456.789])
def test_what_is_due_is_late_however_its_time_is_rounded(left_at: float) -> None:
    """Otherwise whoever waits for the deadline would find nothing to do there, again and again."""
    link = Link(DirectSettings(), FrameReader(), left_at)
    link.submit(1, b"x", left_at)
    link.left(link.output(1000), left_at)
    for _ in range(10):
        now = link.deadline()
        reports = link.tick(now)
        if reports:
            break
        if link.deadline() == now:
            link.feed(Frame(FrameType.PONG, 1).encode(), now)
            link.next_event()
    assert [report.outcome for report in reports] == [Outcome.LOST]
