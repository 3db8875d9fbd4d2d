"""Who is within reach, and which conversations front ends show; tells those who follow it of what changes.

What waits for a slow reader is bounded by what there is: a reader keeps whom and what has changed, not how often.
"""

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from balchat_host.api.bell import Bell
from balchat_host.api.ephemeral import ContactPresence, ConversationAttended, Ephemeral, FileProgress, PresentState
from balchat_host.api.types import DeviceIdentity, PeerId
from balchat_host.api.views import ContactView, ConversationView, FileState, FileView

SENDING_FAILED: Final = "sending-failed"
"""The reason that is shown for a contact to whom sending has failed in a way that nobody expected."""
_MAX_FILES: Final = 256
"""Transfers of which it is known how far they are; those that changed last."""


class Reader:
    """What has changed since one reader has looked. `changed` rings with each change."""

    def __init__(self) -> None:
        self.changed = Bell()
        self.peers: dict[PeerId, None] = {}
        self.conversations: dict[str, None] = {}
        self.files: dict[str, None] = {}


class Presence:
    """The states. Nothing here waits."""

    def __init__(self) -> None:
        self._reachable: defaultdict[PeerId, set[tuple[str, bytes]]] = defaultdict(set)
        self._failing: set[PeerId] = set()
        self._shown: dict[object, str] = {}
        self._files: dict[str, FileProgress] = {}
        self._readers: list[Reader] = []

    # -- what is noted

    def set_reachable(self, transport: str, device: DeviceIdentity, *, reachable: bool) -> None:
        """Note which device came within reach of a transport or left it. A contact is when one of theirs is."""
        peer, way = device.peer, (transport, device.device_id)
        before = peer in self._reachable
        (self._reachable[peer].add if reachable else self._reachable[peer].discard)(way)
        if not self._reachable[peer]:
            del self._reachable[peer]
        if (peer in self._reachable) != before:
            self._tell_of_peer(peer)

    def set_failing(self, peer: PeerId, failing: bool) -> None:  # noqa: FBT001  # it is the callback's only news
        """Note that sending to a contact has failed unexpectedly and waits for another try, or that it goes on."""
        if (peer in self._failing) != failing:
            (self._failing.add if failing else self._failing.discard)(peer)
            self._tell_of_peer(peer)

    def show(self, client: object, conversation: str | None) -> None:
        """Note which conversation a client shows now, by its id."""
        before = self._shown.pop(client, None)
        if conversation is not None:
            self._shown[client] = conversation
        for changed in {before, conversation} - {None}:
            for reader in self._readers:
                reader.conversations[str(changed)] = None
        if before != conversation:
            self.wake()

    def set_file(self, progress: FileProgress) -> None:
        """Note how far the transfer of a file is."""
        file = progress.file
        self._files.pop(file, None)
        self._files[file] = progress
        if len(self._files) > _MAX_FILES:
            del self._files[next(iter(self._files))]
        for reader in self._readers:
            reader.files[file] = None
            if len(reader.files) > _MAX_FILES:
                del reader.files[next(iter(reader.files))]
        self.wake()

    # -- what is known

    @property
    def attended(self) -> tuple[str, ...]:
        """The ids of the conversations that clients show."""
        return tuple(sorted({*self._shown.values()}))

    def complete(self, view: ContactView) -> ContactView:
        """Add to a contact what is true only for the moment."""
        peer = PeerId(bytes.fromhex(view.peer_id))
        reason = SENDING_FAILED if peer in self._failing else view.reason
        return replace(view, reachable=peer in self._reachable, reason=reason)

    def complete_conversation(self, view: ConversationView) -> ConversationView:
        """Add to a conversation what is true of its contact only for the moment."""
        return view if view.contact is None else replace(view, contact=self.complete(view.contact))

    def complete_file(self, view: FileView) -> FileView:
        """Add to a file by which ways it comes, and what keeps it from coming, or from being left at a relay, now."""
        known = self._files.get(view.id)
        if known is None:
            return view
        if view.ours:
            waits = view.state is FileState.COMPLETE and view.received_by < view.recipients
            there = max(view.there, min(known.there, view.size)) if waits else view.there
            return replace(view, reason=(known.hindered if waits else None) or view.reason, there=there)
        if view.state is not FileState.FETCHING:
            return view
        return replace(view, reason=known.hindered or view.reason, ways=known.ways)

    # -- who follows it

    @contextmanager
    def reader(self) -> Generator[Reader]:
        """Collect what changes, until the block ends."""
        reader = Reader()
        self._readers.append(reader)
        try:
            yield reader
        finally:
            self._readers.remove(reader)

    def present(self) -> PresentState:
        """Return all of it as it is now."""
        return PresentState(
            reachable=tuple(sorted(peer.octets.hex() for peer in self._reachable)),
            failing=tuple(sorted(peer.octets.hex() for peer in self._failing)),
            attended=self.attended,
        )

    def take(self, reader: Reader) -> Ephemeral | None:
        """Return how something is now that has changed for a reader, None where nothing has."""
        if reader.peers:
            peer, _ = reader.peers.popitem()
            return ContactPresence(
                peer_id=peer.octets.hex(), reachable=peer in self._reachable, failing=peer in self._failing
            )
        if reader.conversations:
            conversation, _ = reader.conversations.popitem()
            return ConversationAttended(conversation=conversation, attended=conversation in self._shown.values())
        while reader.files:
            file, _ = reader.files.popitem()
            if file in self._files:
                return self._files[file]
        return None

    def wake(self) -> None:
        """Wake every reader."""
        for reader in self._readers:
            reader.changed.ring()

    def _tell_of_peer(self, peer: PeerId) -> None:
        for reader in self._readers:
            reader.peers[peer] = None
        self.wake()
