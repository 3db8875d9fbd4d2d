"""The people at the other end of an account in memory. A test plays them."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from balchat_host.api.transport import Latency, Outcome, SendReport
from balchat_host.api.views import ContactState, ContactView, FileView, MessageState, MessageView, RequestView
from balchat_host.core import contacts
from balchat_host.core.delivery import outgoing, queue
from balchat_host.core.files import listing, receiving, sending
from balchat_host.core.files import rows as files
from balchat_host.core.files.preview import Preview
from balchat_host.core.first_contact import asking, requests
from balchat_host.core.messages import changing, history, reading
from balchat_host.core.messages.compose import compose
from balchat_host.core.unit_of_work import UnitOfWork
from balchat_host.runtime.files.sealing import seal
from balchat_host.testing.simulated_accounts import SimulatedAccount, report

if TYPE_CHECKING:
    from balchat_host.testing.memory_account import MemoryAccount

_ALL: Final = 1000


class Peer:
    """Somebody at the other end of an account, played by the test. What a method does has happened when it returns."""

    def __init__(self, account: "MemoryAccount", core: SimulatedAccount) -> None:
        self.core = core
        """Their account. It is as real as ours."""
        self._account = account
        self._world = account.world
        self._sealed: dict[bytes, tuple[bytes, bytes]] = {}
        """Files of theirs by their roots: manifest, and sealed octets."""

    @property
    def name(self) -> str:
        """What they call themselves."""
        return self.core.name

    @property
    def code(self) -> str:
        """Their chat code."""
        return self.core.code

    @property
    def peer_id(self) -> str:
        """Their peer id."""
        return self.core.peer.octets.hex()

    @property
    def onion(self) -> str:
        """Their onion address."""
        return self.core.peer.onion

    @property
    def contact(self) -> ContactView:
        """They, as the account's `app` shows them. Raise LookupError where they are no contact."""
        found = self._account.contact(self.core)
        if found is None:
            raise LookupError(self.name)
        return self._account.live_status.presence.complete(found)

    @property
    def conversation(self) -> list[MessageView]:
        """Everything that we wrote to each other, as the account's `app` shows it, oldest first."""
        return self._account.history(self.core)

    @property
    def heard(self) -> list[str | None]:
        """The texts of ours that they have, oldest first."""
        return [message.text for message in self.core.history(self._account) if message.author is not None]

    # -- first contact

    def ask(self, introduction: str = "") -> RequestView:
        """Ask us to become a contact."""
        self._world.pass_time(1)
        self.core.add(self._account, introduction)
        self._world.exchange(self.core, self._account)
        return self._account.read(lambda tx: requests.find(tx, self.peer_id)).view

    def receive_request(self) -> None:
        """Get our request: the contact is `requested`. Before that it is `adding`."""
        self._world.pass_time(1)
        self._world.exchange(self._account, self.core)

    def accept(self) -> ContactView:
        """Get our request, and accept it: the contact is `active`."""
        self.receive_request()
        self.core.accept(self._account)
        self._world.exchange(self.core, self._account)
        return self.contact

    def set_reason(self, reason: str) -> None:
        """Say why no KeyPackage of theirs was found: `no-key-package` or `relay-unreachable` (`ContactView.reason`)."""
        self._account.change(lambda unit: asking.on_no_key_package(unit, self.core.peer, reason))

    # -- what they write

    def write(self, text: str, reply_to: str | None = None) -> MessageView:
        """Write a message. Return it as we see it, or as they do where it did not arrive because they are blocked."""
        self._be_accepted()
        written = self.core.write(self._account, text, reply_to)
        self._world.carry(self.core, self._account)
        newest = self._newest()
        return newest if newest is not None and newest.id == written.id else written

    def write_content(self, content_type: str, content: bytes = b"") -> MessageView | None:
        """Write something of a content type that may be none that is shown as text. Return it as we see it."""
        self._be_accepted()
        us = self._account.peer.octets.hex()
        self.core.change(lambda unit: queue.queue_control(unit, contacts.find(unit.tx, us), content_type, content))
        before = self._newest()
        self._world.carry(self.core, self._account)
        newest = self._newest()
        return None if newest == before else newest

    def edit(self, message: str, text: str) -> None:
        """Put another text in place of a message of theirs, which they have written."""
        self._change(lambda unit: changing.edit(unit, message, text))

    def delete(self, message: str) -> None:
        """Delete a message of theirs for everybody."""
        self._change(lambda unit: changing.delete(unit, message, for_me=False))

    def react(self, message: str, emoji: str) -> None:
        """Answer a message that they have with an emoji."""
        self._change(lambda unit: changing.react(unit, message, emoji))

    def lose(self, text: str) -> None:
        """Write a message that does not arrive; `Message.missing_before` of the next one counts it."""
        self._be_accepted()
        self.core.write(self._account, text)
        self._world.go_on(self.core, self._account)
        self._world.drop(self.core, self._account)

    def offer(
        self,
        name: str,
        octets: bytes,
        text: str = "",
        *,
        content_type: str = "application/x-test",
        preview: Preview | None = None,
    ) -> FileView:
        """Write a message with a file, and what it says of that beside it. Return the file as we see it."""
        self._be_accepted()
        us, pieces = self._account.peer.octets.hex(), list[bytes]()
        row = self.core.change(lambda unit: sending.begin(unit, name=name, size=len(octets), content_type=content_type))
        made = seal(row.shape, io.BytesIO(octets).read, pieces.append)
        file = self.core.change(
            lambda unit: sending.sealed(
                unit,
                row.number,
                sending.Written(
                    size=len(octets),
                    stored_as=row.stored_as or "",
                    content_type=content_type,
                    key=made.key,
                    header=made.header,
                    manifest=made.manifest,
                    preview=preview,
                ),
            )
        )
        assert file is not None, "it was just made"
        self._sealed[row.shape.root(made.manifest)] = made.manifest, b"".join(pieces)
        self.core.change(lambda unit: compose(unit, us, text, files=[file.id]))
        self._world.carry(self.core, self._account)
        return self._account.read(lambda tx: listing.newest(tx, self.peer_id, limit=1))[0]

    def hand_over(self, file: str, parts: int | None = None) -> FileView:
        """Let parts of a file arrive that is wanted, in their order, or all of them. Return it as we see it."""
        row = self._account.read(lambda tx: files.find(tx, file))
        assert row.root is not None, "it was offered"
        assert row.stored_as is not None, "it is wanted"
        manifest, octets = self._sealed[row.root]
        self._account.change(lambda unit: receiving.store_manifest(unit, row.number, manifest))
        size, stored_as = row.shape.part_size, row.stored_as
        for index in range(row.shape.parts if parts is None else parts):
            self._account.folder.write(stored_as, index * size, octets[index * size :][:size])
            self._account.change(lambda unit, index=index: receiving.stored(unit, row.number, index, stored_as))
        self._world.carry(self._account, self.core)
        return self._account.read(lambda tx: files.view(tx, files.find(tx, file)))

    # -- what becomes of what we write

    def come_online(self) -> None:
        """Be within reach: what we write arrives at once, from now on."""
        self._world.set_online(self._account, self.core, online=True)

    def go_offline(self) -> None:
        """Be out of reach again: what we write waits."""
        self._world.set_online(self._account, self.core, online=False)

    def begin_to_receive(self) -> None:
        """Let what waits be on its way: `sent`."""
        self._world.pass_time(1)
        self._world.connect(self._account, self.core)

    def relay(self, *, refusal: str | None = None) -> None:
        """Let what waits lie at a relay of theirs: `relayed`. With a `refusal` it waits on, with that as its reason."""
        self._world.pass_time(1)
        now, peer = self._world.now, self.core.peer
        found = self._account.read(lambda tx: outgoing.to_store(tx, peer, queued_until=now, now=now, limit=_ALL))
        outcome = Outcome.STORED if refusal is None else Outcome.REFUSED
        reports = [SendReport(ticket=each.ticket, outcome=outcome, reason=refusal) for each in found.outgoing]
        report(self._account, *reports, latency=Latency.STORE_AND_FORWARD)

    def receive(self, *, skip: int = 0) -> None:
        """Get what waits, but for the oldest `skip`, which wait on: `delivered`."""
        self._world.pass_time(1)
        self._world.connect(self._account, self.core)
        self._world.drop(self._account, self.core, skip)
        self._world.carry(self._account, self.core)
        self._world.carry(self.core, self._account)

    def read(self) -> None:
        """Get what waits, and read all of it: `read`."""
        self.receive()
        theirs = [message for message in self.core.history(self._account) if message.state is MessageState.RECEIVED]
        if theirs:
            us = self._account.peer.octets.hex()
            self.core.change(lambda unit: reading.mark_read(unit, us, up_to=theirs[-1].id))
            self._world.carry(self.core, self._account)

    def refuse(self, reason: str) -> None:
        """Refuse what waits, for good: `failed`, for this reason."""
        self._world.pass_time(1)
        now, peer = self._world.now, self.core.peer
        found = self._account.read(lambda tx: outgoing.pending(tx, peer, after=0, now=now, limit=_ALL))
        reports = [SendReport(ticket=each.ticket, outcome=Outcome.REFUSED, reason=reason) for each in found.outgoing]
        report(self._account, *reports)

    def _be_accepted(self) -> None:
        """Learn that we accepted their request, where we just have: what they write could not leave before."""
        self._world.pass_time(1)
        ours = self.core.contact(self._account)
        if ours is None or ours.state is not ContactState.ACTIVE:
            self._world.exchange(self._account, self.core)

    def _change(self, change: Callable[[UnitOfWork], object]) -> None:
        self._be_accepted()
        self.core.change(change)
        self._world.carry(self.core, self._account)

    def _newest(self) -> MessageView | None:
        newest = self._account.read(lambda tx: history.history(tx, self.peer_id, limit=1))
        return newest[0] if newest else None
