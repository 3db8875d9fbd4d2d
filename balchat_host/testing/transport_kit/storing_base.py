"""What the tests of transports that store are made of."""

import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Final

import anyio
import pytest

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.transport import Outcome
from balchat_host.api.types import Route
from balchat_host.testing.fake_transport_context import Answer, commit_all
from balchat_host.testing.transport_kit.bench import (
    Account,
    TransportBench,
    TransportKitBase,
    accounts,
    deliver,
    needs,
)
from balchat_host.testing.waiting import PATIENCE

RETRY: Final = 0.05
SLOWEST_RETRY: Final = 1.0
SWOLLEN: Final = 64 * 1024 * 1024
"""Octets of files that somebody has made large."""


def files_in(folders: Sequence[Path]) -> list[Path]:
    """Return the files in folders, in the order of their paths and not in that of the disk."""
    return [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]


def swell(folders: Sequence[Path]) -> None:
    """Make all files large, without taking room on the disk."""
    for path in files_in(folders):
        with path.open("ab") as file:
            file.truncate(SWOLLEN)


def numbered(count: int, size: int = 1000) -> list[bytes]:
    """Return envelopes, each another."""
    return [bytes([number]) + token_bytes(size - 1) for number in range(count)]


async def gets(account: Account, *envelopes: bytes, patience: float = PATIENCE) -> None:
    """Wait until an account has these, and check their order. What came before may come again, and harms nobody."""
    got = await account.host.received.until(
        lambda received: {each.envelope for each in received} >= {*envelopes}, patience=patience
    )
    order = [envelopes.index(each) for each in dict.fromkeys(each.envelope for each in got) if each in envelopes]
    assert order == sorted(order), "it was handed over in another order than it was sent in"


@contextmanager
def clock_put(seconds: float) -> Generator[None]:
    """Have the clock of the day be wrong by so many seconds, as where somebody puts it."""
    now, now_ns = time.time, time.time_ns
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "time", lambda: now() + seconds)
        patched.setattr(time, "time_ns", lambda: now_ns() + int(seconds * 10**9))
        yield


@asynccontextmanager
async def again(
    bench: TransportBench, account: Account, contact: Account, answer: Answer = commit_all
) -> AsyncGenerator[Account]:
    """Start an account again with what it remembers; as at each start, it is asked for routes to each contact."""
    async with accounts(bench, 1, key=account.host.key, area=account.host.area, answer=answer) as (started,):
        await started.transport.allocate_routes(contact.peer)
        yield started


class StoringBase(TransportKitBase):
    """What tests of a transport that stores need."""

    @staticmethod
    def needs_storing(bench: TransportBench) -> None:
        needs("final=STORED", kept=bench.capabilities.final is Outcome.STORED)

    @staticmethod
    async def absent(bench: TransportBench) -> tuple[Account, Account, Sequence[Route]]:
        """Return two accounts that have stopped, and the routes of the first one to the second."""
        async with accounts(bench, 2) as (alice, bob):
            routes = await bob.routes_for(alice)
            await deliver(bench, alice, bob, [b"the way is there"])
            await bob.host.receives(b"the way is there")
            await deliver(bench, alice, bob, [b"still"])
            await bob.host.receives(b"the way is there", b"still")
        return alice, bob, routes

    @staticmethod
    async def until_there_is_room(alice: Account, bob: Account, routes: Sequence[Route], envelope: bytes) -> None:
        """Send something until it is stored."""
        pause = RETRY
        with anyio.fail_after(PATIENCE):
            while True:
                (sent,) = alice.host.outgoing(envelope)
                try:
                    await alice.transport.send(bob.peer, routes, [sent])
                except PeerUnreachable:
                    pass
                else:
                    if (await alice.host.final(sent)).outcome is Outcome.STORED:
                        return
                await anyio.sleep(pause)
                pause = min(pause * 2, SLOWEST_RETRY)
