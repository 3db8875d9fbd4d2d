"""Staggered attempts, in virtual time."""

import anyio
import pytest
from anyio.abc import ByteStream
from balchat_network_tor.racing import COMPANY_AFTER, race
from trio.testing import MockClock

from balchat_host.api.errors import PeerUnreachable

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    return "trio", {"clock": MockClock(autojump_threshold=0)}


class Stream(ByteStream):
    closed = False

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return b""

    async def send(self, item: bytes) -> None: ...

    async def send_eof(self) -> None: ...

    async def aclose(self) -> None:
        self.closed = True


class Attempts:
    """What each attempt does in turn: after some seconds it connects or fails."""

    def __init__(self, *plan: tuple[float, bool]) -> None:
        self.plan = list(plan)
        self.started_at: list[float] = []
        self.streams: list[Stream] = []
        self.cancelled = 0

    async def __call__(self) -> Stream:
        self.started_at.append(anyio.current_time())
        seconds, connects = self.plan.pop(0)
        try:
            await anyio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise
        if not connects:
            raise PeerUnreachable(problem="gone")
        self.streams.append(Stream())
        return self.streams[-1]


FOREVER = 10_000.0


async def test_a_quick_answer_stays_alone() -> None:
    attempts = Attempts((COMPANY_AFTER - 1, True))
    assert await race(attempts) is attempts.streams[0]
    assert len(attempts.started_at) == 1


async def test_a_quick_failure_is_believed() -> None:
    attempts = Attempts((1, False))
    with pytest.raises(PeerUnreachable):
        await race(attempts)
    assert len(attempts.started_at) == 1


async def test_a_stuck_attempt_gets_company_at_growing_intervals() -> None:
    attempts = Attempts((FOREVER, True), (FOREVER, True), (1, True))
    stream = await race(attempts)
    first, *others = attempts.started_at
    assert [at - first for at in others] == [COMPANY_AFTER, 3 * COMPANY_AFTER]
    assert stream is attempts.streams[0]
    assert attempts.cancelled == 2


async def test_the_newest_failure_counts() -> None:
    attempts = Attempts((FOREVER, True), (1, False))
    with pytest.raises(PeerUnreachable):
        await race(attempts)
    assert attempts.cancelled == 1


async def test_an_older_failure_does_not_count_while_a_newer_attempt_is_on_its_way() -> None:
    attempts = Attempts((COMPANY_AFTER + 1, False), (3, True))
    assert await race(attempts) is attempts.streams[0]


async def test_a_stream_that_comes_second_is_closed() -> None:
    attempts = Attempts((COMPANY_AFTER + 2, True), (2, True))
    winner = await race(attempts)
    assert isinstance(winner, Stream)
    assert not winner.closed
    assert all(stream.closed for stream in attempts.streams if stream is not winner)


async def test_the_callers_limit_holds() -> None:
    attempts = Attempts(*[(FOREVER, True)] * 9)
    with pytest.raises(TimeoutError), anyio.fail_after(60):
        await race(attempts)
    assert attempts.cancelled == len(attempts.started_at)
