"""What is collected in the folder of files after a time, and what never is."""

from __future__ import annotations

import pytest

from balchat_host.api.errors import NoSuchFile
from balchat_host.api.views import FileState
from balchat_host.testing.app_kit.files import made_up, read, write
from balchat_host.testing.memory_account import MemoryAccount

pytestmark = pytest.mark.anyio

DAY = 24 * 3600


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_what_was_never_sent_goes_after_a_day_and_nothing_of_what_is_under_way_after_a_year() -> None:
    alice = MemoryAccount("Alice")
    bob, files = alice.befriend("Bob"), alice.app.files
    unsent = await write(alice.app, "unsent.bin", made_up(1000))
    sent = await write(alice.app, "sent.bin", made_up(2000))
    await alice.app.messages.send("Bob", "", files=[sent.id])
    received = bob.offer("received.bin", made_up(3000))
    await files.fetch(received.id)
    bob.hand_over(received.id)
    coming, paused = (bob.offer(f"{how}.bin", made_up(1_000_000)) for how in ("coming", "paused"))
    for file in (coming, paused):
        await files.fetch(file.id)
        bob.hand_over(file.id, 3)
    await files.pause(paused.id)
    held = {file.id: file for file in await files.list()}
    alice.pass_time(DAY - 60)
    assert (await files.get(unsent.id)).state is FileState.COMPLETE
    alice.pass_time(120)
    with pytest.raises(NoSuchFile):
        await files.get(unsent.id)
    alice.pass_time(365 * DAY)
    assert {file.id: file for file in await files.list()} == {key: held[key] for key in held if key != unsent.id}
    assert await read(alice.app, sent.id) == made_up(2000)
    assert await read(alice.app, received.id) == made_up(3000)
    bob.hand_over(coming.id)
    assert await read(alice.app, coming.id) == made_up(1_000_000)
