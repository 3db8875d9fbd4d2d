"""A death at every step of leaving a file at a relay and of deleting it there: the next start ends it right."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from balchat_host.api.backoff import Backoff
from balchat_host.api.transport import BlobContainer, BlobOutcome, BlobReport
from balchat_host.core import contacts
from balchat_host.core.files import relay_recipients
from balchat_host.core.files.part_bitmaps import MANIFEST
from balchat_host.core.files.part_notices import ProgressNotice
from balchat_host.core.files.shape import Bitmap, Shape
from balchat_host.runtime.files.part_putter import STREAMS, WINDOW, RecipientPutter
from balchat_host.testing.app_kit.files import write
from tests.host.runtime.test_files_crash import OCTETS, PARTS, Account, Died, Fate, MortalRunner

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from balchat_host.api.types import PeerId

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Relay:
    """A relay that stays, of an account that may die before or after each thing that it does there."""

    can_keep_blobs = True
    can_reach = True

    def __init__(self) -> None:
        self.blobs: dict[bytes, dict[int, bytes]] = {}
        self.puts = 0
        self.fate = Fate(10**9)

    def reachable(self, peer: PeerId) -> bool:
        del peer
        return False

    async def allocate_containers(self, peer: PeerId) -> Sequence[tuple[str, BlobContainer]]:
        del peer
        self.fate.step()
        key = b"container %d" % len(self.blobs)
        self.blobs[key] = {}
        return [("relay", BlobContainer(offer=key, key=key))]

    async def put_blob(self, transport: str, peer: PeerId, key: bytes, index: int, octets: bytes) -> BlobReport:
        del transport, peer
        self.fate.step()
        self.puts += 1
        self.blobs[key][index] = octets
        self.fate.step()
        return BlobReport(outcome=BlobOutcome.KEPT, kept=10**6)

    async def delete_blobs(self, transport: str, peer: PeerId, key: bytes, indexes: Collection[int]) -> None:
        del transport, peer
        self.fate.step()
        for index in indexes:
            self.blobs[key].pop(index, None)
        self.fate.step()

    async def renew_blobs(self, transport: str, peer: PeerId, key: bytes) -> BlobReport:
        raise NotImplementedError

    @property
    def there(self) -> list[dict[int, bytes]]:
        """What lies in the containers in which something lies."""
        return [blobs for blobs in self.blobs.values() if blobs]


async def leave(account: Account, relay: Relay, peer: PeerId, fate: Fate) -> bool:
    """Do what is to be done for the recipient; return whether the account lived to the end of it."""
    relay.fate = fate
    runner: Any = MortalRunner(account._new_runner(account.follow), fate)
    service = account.start(fate)
    putter = RecipientPutter(
        peer,
        relay,
        runner,
        service.parts,
        account.live_status.presence,
        backoff=Backoff(first=1.0, longest=1.0),
        window=WINDOW,
    )
    lived = False
    try:
        await putter.run()
        lived = True
    except* Died:
        pass
    return lived


@pytest.mark.parametrize("while_deleting", [False, True], ids=["putting", "deleting"])
async def test_what_is_left_at_a_relay_is_whole_and_goes_wherever_its_sender_died(while_deleting: bool) -> None:
    for at in count():
        account, relay = Account(), Relay()
        peer = account.befriend("Bob").core.peer
        file = await write(account.app, "notes.bin", OCTETS)
        await account.app.messages.send("Bob", "Look.", files=[file.id])
        account.pass_time(120)
        account.change(lambda unit: relay_recipients.begin(unit, delay=60_000))
        fate, lived = Fate(at), True
        if not while_deleting:
            lived = await leave(account, relay, peer, fate)
        assert await leave(account, relay, peer, Fate(10**9))

        ((root,),) = account.read(lambda tx: tx.query("SELECT root FROM file"))
        (sealed,) = account.folder.files.values()
        (there,) = relay.there
        size = Shape(len(OCTETS)).part_size
        assert sorted(there) == [*range(PARTS), MANIFEST]
        assert all(there[index] == sealed[index * size :][:size] for index in range(PARTS))
        assert relay.puts <= PARTS + 1 + STREAMS, "one part for each stream is put again"

        has_all(account, peer, root)
        if while_deleting:
            lived = await leave(account, relay, peer, fate)
        assert await leave(account, relay, peer, Fate(10**9))
        assert relay.there == []
        if lived:
            assert at > 5, "there were steps to die at"
            return


def has_all(account: Account, peer: PeerId, root: bytes) -> None:
    """Have the recipient say that every part is there."""
    here = Bitmap(PARTS)
    for index in range(PARTS):
        here.add(index)

    def hear(unit: Any) -> None:
        contact = contacts.by_peer(unit.tx, peer)
        assert contact is not None
        said = ProgressNotice(root=root, here=here.encode(), absent=(), wanted=True)
        relay_recipients.on_progress(unit, contact, said)

    account.change(hear)
