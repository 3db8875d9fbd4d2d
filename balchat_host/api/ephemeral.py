"""What is true only for the moment, as front ends learn of it (`Events.ephemeral`). It is stored nowhere.

Whoever follows it gets the present state first, and then what changes. A change that comes while an earlier one of the
same thing waits takes its place: only the newest state is of interest.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

ephemeral_types: Final[dict[str, type["Ephemeral"]]] = {}
"""All of them by their `type`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ephemeral:
    """A state, or a change of one."""

    type: ClassVar[str] = ""

    def __init_subclass__(cls) -> None:
        ephemeral_types[cls.type] = cls


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentState(Ephemeral):
    """All of it, as it is now: it comes first.

    `reachable` has the peer ids of those within reach, `failing` of those to whom sending has failed unexpectedly and
    is tried again, and `attended` the ids of the conversations that front ends show.
    """

    type: ClassVar[str] = "present"

    reachable: tuple[str, ...]
    failing: tuple[str, ...]
    attended: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPresence(Ephemeral):
    """A contact came within reach or left it, or sending to them has failed unexpectedly, or goes on."""

    type: ClassVar[str] = "contact.presence"

    peer_id: str
    reachable: bool
    failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationAttended(Ephemeral):
    """A front end shows a conversation now, or none does any more (`Events.attend`)."""

    type: ClassVar[str] = "conversation.attended"

    conversation: str
    attended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress(Ephemeral):
    """How far the transfer of a file is: so many of its octets are durable `here`, and so many `there`.

    `there` is what the other side has confirmed of one of ours. `ways` are those by which parts have come lately:
    `direct`, `relay` or both. `hindered` says what keeps a wanted file from coming now, or one of ours from being left
    at a relay, None where nothing does: `unreachable`, `no-network`, `busy`, `stalled`, `wrong-octets`,
    `protocol-violation` (the other side), `their-relay-unreachable`, `own-relay-unreachable`, `own-relay-full`,
    `storage-full`, `storage-failed` (the disk here), `failed` (balchat itself; the log says how).
    """

    type: ClassVar[str] = "file.progress"

    file: str
    here: int
    there: int
    hindered: str | None = None
    ways: tuple[str, ...] = ()
