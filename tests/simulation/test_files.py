"""Files between whole accounts: they come whole, whoever dies, leaves, blocks or lies on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from balchat_host.api.views import FileState, MessageState
from balchat_host.core.files.shape import Shape
from balchat_host.testing.app_kit.files import made_up, read, write
from balchat_host.testing.app_pair_kit import introduce
from balchat_host.testing.waiting import until_true

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from balchat_host.api.views import FileView
    from tests.simulation.conftest import People, Someone

pytestmark = pytest.mark.anyio

KIB, MIB = 2**10, 2**20
SIZES = (0, 1, 65_535, 65_536, 65_537, MIB, MIB + 1, 16 * MIB, 16 * MIB + 1)
LONG = 10_000.0
HOUR = 3600.0


async def offer(sender: App, octets: bytes, *, to: str = "Bob") -> FileView:
    """Write a file and send it; return it as its sender has it."""
    file = await write(sender, "harbour.bin", octets)
    await sender.messages.send(to, "Look.", files=[file.id])
    return await sender.files.get(file.id)


async def offered(receiver: App, *, by: str = "Alice") -> FileView:
    """Wait until somebody offers a file; return it as its receiver has it."""

    async def came() -> bool:
        return any(not file.ours for file in await receiver.files.list(by))

    await until_true(receiver, came, patience=LONG)
    return next(file for file in await receiver.files.list(by) if not file.ours)


async def until_here(app: App, file: FileView, octets: int | None = None, *, patience: float = LONG) -> FileView:
    """Wait until so much of a file is here, or all of it."""
    wanted = file.size if octets is None else octets

    async def here() -> bool:
        now = await app.files.get(file.id)
        return now.here >= wanted and (octets is not None or now.state is FileState.COMPLETE)

    await until_true(app, here, patience=patience)
    return await app.files.get(file.id)


async def until_state(app: App, file: FileView, state: FileState, *, patience: float = LONG) -> FileView:
    async def reached() -> bool:
        return (await app.files.get(file.id)).state is state

    await until_true(app, reached, patience=patience)
    return await app.files.get(file.id)


async def pair(people: People) -> tuple[Someone, Someone]:
    """Start Alice and Bob, who are contacts."""
    alice, bob = await people.start("Alice"), await people.start("Bob")
    await introduce(alice.app, bob.app)
    return alice, bob


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_comes_whole_when_it_is_wanted(people: People, size: int) -> None:
    async with people:
        alice, bob = await pair(people)
        octets = made_up(size)
        sent = await offer(alice.app, octets)
        theirs = await offered(bob.app)
        await anyio.sleep(HOUR)
        assert (await bob.app.files.get(theirs.id)).state is FileState.OFFERED, "nothing comes before it is wanted"
        assert bob.folder.files == {}
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs)
        assert await read(bob.app, theirs.id) == octets
        await anyio.sleep(60)
        now = await alice.app.files.get(sent.id)
        assert (now.received_by, now.recipients) == (1, 1)


async def test_both_send_each_other_files_at_once(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        one, other = made_up(3 * MIB, 1), made_up(3 * MIB, 2)
        await offer(alice.app, one)
        await offer(bob.app, other, to="Alice")
        alices, bobs = await offered(bob.app), await offered(alice.app, by="Bob")
        await bob.app.files.fetch(alices.id)
        await alice.app.files.fetch(bobs.id)
        await until_here(bob.app, alices)
        await until_here(alice.app, bobs)
        assert await read(bob.app, alices.id) == one
        assert await read(alice.app, bobs.id) == other


@pytest.mark.parametrize("who", ["sender", "receiver", "both"])
async def test_who_dies_in_the_middle_goes_on_by_itself(people: People, who: str) -> None:
    async with people:
        alice, bob = await people.make("Alice"), await people.make("Bob")
        octets = made_up(24 * MIB)
        died = {"sender": [alice], "receiver": [bob], "both": [alice, bob]}[who]
        async with alice.up() as alice_app, bob.up() as bob_app:
            await introduce(alice_app, bob_app)
            await offer(alice_app, octets)
            theirs = await offered(bob_app)
            await bob_app.files.fetch(theirs.id)
            await until_here(bob_app, theirs, 5 * MIB)
            for each in died:
                each.kill()
        had = next(len(file) for file in bob.folder.files.values())
        assert had < 20 * MIB
        async with alice.up(), bob.up() as bob_app:
            assert (await bob_app.files.get(theirs.id)).here >= 5 * MIB
            await until_here(bob_app, theirs)
            assert await read(bob_app, theirs.id) == octets


async def test_who_was_away_for_hours_sends_on_when_they_come_back(people: People) -> None:
    async with people:
        alice, bob = await people.make("Alice"), await people.start("Bob")
        octets = made_up(8 * MIB)
        async with alice.up() as app:
            await introduce(app, bob.app)
            await offer(app, octets)
            theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        dials = len(people.world.times)
        await anyio.sleep(10 * HOUR)
        assert (await bob.app.files.get(theirs.id)).reason == "unreachable"
        assert len(people.world.times) - dials < 10 * HOUR / 300 * 4
        async with alice.up():
            before = anyio.current_time()
            await until_here(bob.app, theirs)
            assert anyio.current_time() - before < 400
            assert await read(bob.app, theirs.id) == octets


async def test_a_text_passes_while_a_file_comes_as_fast_as_without(people: People) -> None:
    async with people:
        alice, bob = await pair(people)

        async def passes(text: str) -> float:
            before = anyio.current_time()
            sent = await alice.app.messages.send("Bob", text)

            async def delivered() -> bool:
                return (await alice.app.messages.get(sent.id)).state is MessageState.DELIVERED

            await until_true(alice.app, delivered, patience=LONG)
            return anyio.current_time() - before

        await passes("first")
        without = await passes("without")
        await offer(alice.app, made_up(40 * MIB))
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs, MIB)
        during = await passes("during")
        assert (await bob.app.files.get(theirs.id)).state is FileState.FETCHING
        assert during <= 1.5 * without


async def test_who_is_blocked_in_the_middle_gets_no_more(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        await offer(alice.app, made_up(40 * MIB))
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs, 2 * MIB)
        await alice.app.contacts.block("Bob")
        had = next(len(file) for file in bob.folder.files.values())
        await anyio.sleep(HOUR)
        assert next(len(file) for file in bob.folder.files.values()) <= had + MIB
        now = await bob.app.files.get(theirs.id)
        assert (now.state, now.reason) == (FileState.FETCHING, "unreachable"), "as if Alice were away"
        await alice.app.contacts.unblock("Bob")
        await until_here(bob.app, theirs)


async def test_whom_we_block_gives_us_no_more(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        await offer(alice.app, made_up(40 * MIB))
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs, 2 * MIB)
        await bob.app.contacts.block("Alice")
        had = (await bob.app.files.get(theirs.id)).here
        dials = len(people.world.times_of(alice.peer))
        await anyio.sleep(HOUR)
        assert (await bob.app.files.get(theirs.id)).here == had
        assert len(people.world.times_of(alice.peer)) == dials


async def test_whoever_was_removed_gets_nothing(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        await offer(alice.app, made_up(MIB))
        theirs = await offered(bob.app)
        await alice.app.contacts.remove("Bob")
        await bob.app.files.fetch(theirs.id)
        await anyio.sleep(HOUR)
        assert (await bob.app.files.get(theirs.id)).here == 0


async def test_what_its_sender_deletes_is_gone(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        sent = await offer(alice.app, made_up(40 * MIB))
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs, 2 * MIB)
        await alice.app.files.remove(sent.id)
        now = await until_state(bob.app, theirs, FileState.GONE)
        assert now.reason == "not-offered"
        assert bob.folder.files == {}


async def test_what_is_paused_goes_on_hours_later(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        octets = made_up(24 * MIB)
        await offer(alice.app, octets)
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs, 3 * MIB)
        await bob.app.files.pause(theirs.id)
        await anyio.sleep(60)
        had = (await bob.app.files.get(theirs.id)).here
        await anyio.sleep(10 * HOUR)
        assert (await bob.app.files.get(theirs.id)).here == had < theirs.size
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs)
        assert await read(bob.app, theirs.id) == octets


async def test_a_sender_whose_copy_has_changed_is_found_out(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        octets = made_up(3 * MIB)
        await offer(alice.app, octets)
        theirs = await offered(bob.app)
        (sealed,) = alice.folder.files.values()
        sealed[MIB] ^= 1
        await bob.app.files.fetch(theirs.id)

        async def said() -> bool:
            return (await bob.app.files.get(theirs.id)).reason == "wrong-octets"

        await until_true(bob.app, said, patience=LONG)
        now = await bob.app.files.get(theirs.id)
        assert (now.state, now.here < now.size) == (FileState.FETCHING, True)
        sealed[MIB] ^= 1
        await until_here(bob.app, theirs)
        assert await read(bob.app, theirs.id) == octets


async def test_many_small_files_in_a_row(people: People) -> None:
    count = 40
    async with people:
        alice, bob = await pair(people)
        conversation = (await bob.app.conversations.get("Alice")).id
        await bob.app.files.set_automatic(conversation, MIB)
        for number in range(count):
            file = await write(alice.app, f"{number}.bin", made_up(100, number))
            await alice.app.messages.send("Bob", "", files=[file.id])

        async def all_here() -> bool:
            found = await bob.app.files.list("Alice", limit=count + 1)
            return len(found) == count and all(file.state is FileState.COMPLETE for file in found)

        await until_true(bob.app, all_here, patience=LONG)
        for file in (await bob.app.files.list("Alice", limit=count))[:5]:
            assert await read(bob.app, file.id) == made_up(100, int(file.name.partition(".")[0]))
        assert Shape(100).parts == 1
        await anyio.sleep(60)
        assert all(file.received_by == 1 for file in await alice.app.files.list("Bob", limit=count + 1))
        assert await notices(bob) < count // 4, "one notice tells of many"


async def notices(someone: Someone) -> int:
    """Return how many messages of any kind somebody has queued."""
    ((count,),) = await someone.vault.read(
        lambda tx: tx.query("SELECT seq FROM sqlite_sequence WHERE name = 'delivery'")
    )
    assert isinstance(count, int)
    return count


async def test_its_sender_hears_of_each_file_that_came_although_the_receiver_died_before_they_said_so(
    people: People,
) -> None:
    async with people:
        alice, bob = await people.make("Alice"), await people.make("Bob")
        async with alice.up() as a:
            async with bob.up() as b:
                await introduce(a, b)
                for number in range(3):
                    file = await write(a, f"{number}.bin", made_up(100, number))
                    await a.messages.send("Bob", "", files=[file.id])
                await until_true(b, lambda: has_files(b, 3), patience=LONG)
                for file in await b.files.list("Alice"):
                    await b.files.fetch(file.id)
                    await until_here(b, file)
                assert [file.received_by for file in await a.files.list("Bob")].count(1) < 3
                bob.kill()
            async with bob.up():
                await anyio.sleep(60)
            assert [file.received_by for file in await a.files.list("Bob")] == [1, 1, 1]


async def has_files(app: App, count: int) -> bool:
    return len(await app.files.list("Alice")) == count


async def test_a_full_disk_is_said_and_it_goes_on_when_there_is_room(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        octets = made_up(8 * MIB)
        await offer(alice.app, octets)
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs, MIB)
        bob.folder.full = True

        async def said() -> bool:
            return (await bob.app.files.get(theirs.id)).reason == "storage-full"

        await until_true(bob.app, said, patience=LONG)
        bob.folder.full = False
        await until_here(bob.app, theirs)
        assert await read(bob.app, theirs.id) == octets


async def test_one_sealed_copy_goes_to_two_who_fetch_it_at_once(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        await alice.app.contacts.rename("Bob", "Robert")
        carol = await people.start("Carol")
        await introduce(alice.app, carol.app)
        octets = made_up(3 * MIB)
        sent = await offer(alice.app, octets, to="Robert")
        await alice.app.messages.send("Bob", "You, too.", files=[sent.id])
        assert len(alice.folder.files) == 1
        for receiver in (bob, carol):
            await receiver.app.files.fetch((await offered(receiver.app)).id)
        for receiver in (bob, carol):
            theirs = await until_here(receiver.app, await offered(receiver.app))
            assert await read(receiver.app, theirs.id) == octets
        await anyio.sleep(60)
        now = await alice.app.files.get(sent.id)
        assert (now.received_by, now.recipients) == (2, 2)


async def test_a_file_expires_with_its_message_on_both_sides(people: People) -> None:
    async with people:
        alice, bob = await pair(people)
        file = await write(alice.app, "harbour.bin", made_up(MIB))
        await alice.app.messages.send("Bob", "Look.", files=[file.id], expires_after=3600)
        theirs = await offered(bob.app)
        await bob.app.files.fetch(theirs.id)
        await until_here(bob.app, theirs)
        (message,) = await bob.app.messages.history("Alice")
        await bob.app.conversations.mark_read("Alice", message.id)
        assert alice.folder.files
        assert bob.folder.files
        await anyio.sleep(48 * HOUR)
        assert alice.folder.files == bob.folder.files == {}
        assert await alice.app.files.list() == await bob.app.files.list() == []


async def test_a_folder_that_is_older_than_the_vault_is_found_out_and_what_is_missing_comes_again(
    people: People,
) -> None:
    async with people:
        alice, bob = await people.start("Alice"), await people.make("Bob")
        octets = made_up(6 * MIB)
        async with bob.up() as app:
            await introduce(alice.app, app)
            await offer(alice.app, octets)
            theirs = await offered(app)
            await app.files.fetch(theirs.id)
            await until_here(app, theirs, 2 * MIB)
            bob.kill()
        (file,) = bob.folder.files.values()
        file[MIB : MIB + 100] = bytes(100)
        async with bob.up() as app:
            await until_here(app, theirs)
            assert await read(app, theirs.id) == octets
