"""Alice, and everybody who may write to her, in each state of a contact; with real envelopes of theirs for her.

Nothing that is fed to Alice here is kept: each input meets the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from balchat_common import cbor
from balchat_crypto_mls.engine import MlsEngine
from mls_rs_py.crafting import APPLICATION, vector

from balchat_host.api.transport import MAX_ENVELOPE_SIZE
from balchat_host.api.types import PeerId
from balchat_host.core import account, contacts, content, inbox, key_package_pool, routes
from balchat_host.core.content import (
    Expiration,
    MessageStatus,
    MimiContent,
    MultiPart,
    NullPart,
    Semantics,
    SinglePart,
    timer_body,
)
from balchat_host.core.content.eras import Opened
from balchat_host.core.delivery import queue
from balchat_host.core.envelope import ContactRequest, Envelope, Kind
from balchat_host.core.eras import contact_key_packages, keeping
from balchat_host.core.files.offer import FileOffer
from balchat_host.core.files.preview import SmallPicture
from balchat_host.core.first_contact import answering
from balchat_host.core.identifiers import identify
from balchat_host.core.rows import Era
from balchat_host.core.unit_of_work import Unexpected, crypto_area
from tests.support.hostile_peer import HostileGroup, HostilePeer
from tests.support.simulator import Account, World

if TYPE_CHECKING:
    from balchat_host.api.storage import ReadTransaction
    from balchat_host.api.transport import Disposition
    from balchat_host.core.unit_of_work import UnitOfWork

ENGINE: Final = MlsEngine()
_MOST: Final = MAX_ENVELOPE_SIZE - 1024
_FILE: Final = FileOffer(
    name="harbour.jpg",
    content_type="image/jpeg",
    size=70_000,
    root=bytes(range(32)),
    key=b"AGE-SECRET-KEY-1" + b"Q" * 58,
    header=b"age-encryption.org/v1\n-> X25519 a\nb\n--- c\n",
    preview=SmallPicture(octets=b"RIFF....WEBP", width=4032, height=3024),
)
_ASK: Final = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Somebody as Alice sees them.

    `source` is who the transport says they are. `envelopes` are real ones of theirs. `key_package` is one of Alice's
    that they hold, so they can make a contact request with it. `era` is theirs in which they send to her, and
    `era_key_package` one of hers that they can found the next one with.
    """

    name: str
    sender: Account
    source: PeerId | None
    envelopes: list[bytes] = field(default_factory=list[bytes])
    key_package: bytes | None = None
    era: Era | None = None
    era_key_package: bytes | None = None
    crafted: HostileGroup | None = None
    """The group that both hold, where the sender made it by hand; then it can say anything in it."""
    mallory: HostilePeer
    """The sender as one who makes MLS structures by hand."""


class Scene:
    """A world with Alice in it. `states` are those of everybody else."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, ENGINE)
        self.alice = self.world.account("Alice")
        self.friend = self._talking("Friend")
        """A contact to whom nothing that the others do may matter."""
        last_resort = self.alice.change(lambda unit: key_package_pool.refill(unit, 1)).last_resort
        self.states = [
            self._stranger("never seen"),
            self._stranger("with a key package", asks=1),
            self._stranger("whose request waits", asks=2),
            self._rejected(),
            self._added("added by Alice", steps=0),
            self._added("added by Alice, and answers", steps=1),
            self._added("asked by Alice", steps=2),
            self._state("a contact", self._talking("Contact")),
            self._crossing(),
            self._blocked(asks=False),
            self._blocked(asks=True),
            self._removed(),
            self._unproven(last_resort),
            self._state("a contact by a relay", self._talking("Relayed"), proven=False),
            self._crafted(),
        ]
        self.envelopes = [envelope for state in self.states for envelope in state.envelopes]

    def feed(self, source: PeerId | None, envelopes: list[bytes]) -> list[Disposition]:
        """Have Alice receive envelopes, and return her answers; nothing of it is kept.

        Raise AssertionError where they bring up an exception that nobody foresaw.
        """

        def receive(unit: UnitOfWork) -> list[Disposition]:
            dispositions = inbox.receive(unit, source, envelopes)
            if unforeseen := [effect.type for effect in unit.effects if isinstance(effect, Unexpected)]:
                raise AssertionError(f"nobody foresaw {', '.join(unforeseen)}")
            return dispositions

        return self.alice.change(receive, then_crash=True)

    def request(self, sender: Account, welcome: bytes) -> bytes:
        """Return the payload of a contact request of the sender's with this Welcome."""
        code = sender.read(account.code).code
        route = b"\x80"
        return ContactRequest(
            welcome=welcome, code=code, introduction="It is me", routes=route, made_at=self.world.now
        ).encode()

    def welcome(self, sender: Account, key_package: bytes, group: bytes) -> bytes:
        """Return a Welcome for Alice to a group of two."""

        def make(unit: UnitOfWork) -> bytes:
            invited = [(self.alice.peer, key_package)]
            return unit.engine.found(unit.keys, group, invited, knows=(), now=unit.seconds).welcomes[0]

        return sender.change(make, then_crash=True)

    def encrypt(self, state: State, data: bytes) -> bytes:
        """Return an envelope with this content, encrypted as the sender's next message to Alice.

        Content that no envelope can hold is cut.
        """
        era = state.era
        assert era is not None, "they share none"
        payload = state.sender.change(lambda unit: keeping.encrypt(unit, era, data[:_MOST]), then_crash=True)
        return Envelope(kind=Kind.MLS_MESSAGE, payload=payload).encode()

    def contents(self, state: State) -> list[bytes]:
        """Return application messages' contents of each kind that people and programs write."""

        def make(unit: UnitOfWork) -> list[bytes]:
            contact = contacts.everyone(unit.tx)[0]
            text = MimiContent(
                salt=unit.entropy(content.SALT_SIZE),
                part=SinglePart(content_type=content.TEXT, content=b"Hello"),
                sent_at=unit.now,
            )
            status = content.encode_status([(bytes(32), MessageStatus.READ)])
            key_package = unit.engine.key_package(unit.keys, lifetime=3600, now=unit.seconds)
            opened = Opened(era_id=bytes(16), founder_device_id=bytes(16), key_packages=(key_package,))
            kinds = (
                (content.ACCEPTED, b""),
                (content.ERA_OPENED, opened.encode()),
                (content.KEY_PACKAGES, content.encode_key_packages((key_package, key_package))),
                (content.KEY_PACKAGES_WANTED, b""),
                (content.TIMER, timer_body.encode(60)),
                (content.FILES_RECEIVED, cbor.encode([bytes(32)])),
                (content.STATUS, status),
                (content.ROUTES, routes.encode([])),
            )
            controls = [queue.control_content(unit, contact, kind, body)[0] for kind, body in kinds]
            said = identify(
                text,
                text.encode(),
                author=state.sender.peer,
                conversation_id=contact.conversation.conversation_id,
            )
            like = SinglePart(
                content_type=content.TEXT, content="👍".encode(), disposition=content.Disposition.REACTION
            )
            changes = [
                replace(text, replaces=said, salt=unit.entropy(content.SALT_SIZE)),
                replace(text, replaces=said, part=NullPart()),
                replace(text, in_reply_to=said, part=like),
                replace(text, expires=Expiration(relative=True, time=1)),
                replace(text, part=MultiPart(semantics=Semantics.PROCESS_ALL, parts=(text.part, NullPart()))),
                replace(text, part=MultiPart(semantics=Semantics.PROCESS_ALL, parts=(text.part, _FILE.part()))),
            ]
            return [text.encode(), *controls, *(each.encode() for each in changes)]

        return state.sender.change(make, then_crash=True)

    # -- how each state comes about

    def _state(self, name: str, sender: Account, *, proven: bool = True, key_package: bytes | None = None) -> State:
        source = sender.peer if proven else None
        era = sender.read(lambda tx: _shared_era(tx, self.alice))
        state = State(
            name=name,
            sender=sender,
            source=source,
            mallory=self._mallory(sender),
            key_package=key_package,
            era=era,
            era_key_package=self._given_to(sender),
        )
        state.envelopes.append(_ASK)
        state.envelopes.append(self._key_package_of(sender))
        if era is not None:
            state.envelopes.extend(self.encrypt(state, each) for each in self.contents(state))
        if key_package is not None:
            welcome = self.welcome(sender, key_package, b"a group of two..")
            request = self.request(sender, welcome)
            state.envelopes.append(Envelope(kind=Kind.CONTACT_REQUEST, payload=request).encode())
        return state

    def _key_package_of(self, sender: Account) -> bytes:
        return sender.change(lambda unit: answering.on_key_package_request(unit, self.alice.peer), then_crash=True)

    def _given_to(self, sender: Account) -> bytes | None:
        """Return a key package of Alice's that she gave to a contact, or None where they are none."""

        def give(unit: UnitOfWork) -> bytes | None:
            contact = contacts.by_peer(unit.tx, sender.peer)
            return contact_key_packages.make(unit, contact)[0] if contact else None

        return self.alice.change(give)

    def _handed_out(self, sender: Account) -> bytes:
        """Return a key package of Alice's that she handed to the sender."""
        answer = self.alice.change(lambda unit: inbox.receive(unit, sender.peer, [_ASK])[0])
        return Envelope.decode(answer.replies[0]).payload

    def _talking(self, name: str) -> Account:
        sender = self.world.account(name)
        sender.add(self.alice)
        self.world.heal(sender, self.alice)
        self.alice.accept(sender)
        self.world.heal(sender, self.alice)
        sender.write(self.alice, "Good morning")
        self.world.heal(sender, self.alice)
        return sender

    def _stranger(self, name: str, *, asks: int = 0) -> State:
        sender = self.world.account(name)
        if asks > 1:
            sender.add(self.alice)
            self.world.heal(sender, self.alice)
        return self._state(name, sender, key_package=self._handed_out(sender) if asks else None)

    def _rejected(self) -> State:
        name = "turned down"
        sender = self.world.account(name)
        sender.add(self.alice)
        self.world.heal(sender, self.alice)
        self.alice.reject(sender)
        return self._state(name, sender, key_package=self._handed_out(sender))

    def _added(self, name: str, *, steps: int) -> State:
        sender = self.world.account(name)
        self.alice.add(sender)
        if steps:
            self.world.connect(self.alice, sender)
            self.world.deliver(self.alice, sender)
        if steps > 1:
            self.world.heal(sender, self.alice)
        return self._state(name, sender, key_package=self._handed_out(sender))

    def _crossing(self) -> State:
        """Return a contact who has lost everything, and asks again."""
        name = "a contact who asks again"
        sender = self._talking(name)
        return self._state(name, sender, key_package=self._handed_out(sender))

    def _blocked(self, *, asks: bool) -> State:
        name = "blocked, and asks" if asks else "blocked"
        sender = self._talking(name)
        self.alice.block(sender, blocked=True)
        if asks:
            sender.remove(self.alice)
            sender.add(self.alice)
            self.world.heal(sender, self.alice)
        return self._state(name, sender, key_package=self._handed_out(sender))

    def _removed(self) -> State:
        name = "removed"
        sender = self._talking(name)
        self.alice.remove(sender)
        return self._state(name, sender, key_package=self._handed_out(sender))

    def _crafted(self) -> State:
        """Return a contact whose group was made by hand."""
        name = "a contact with a group made by hand"
        sender = self.world.account(name)
        mallory = self._mallory(sender)
        key_package = self._handed_out(sender)
        crafted = mallory.group(key_package)
        request = Envelope(kind=Kind.CONTACT_REQUEST, payload=self.request(sender, crafted.welcome())).encode()
        self.alice.change(lambda unit: inbox.receive(unit, sender.peer, [request]))
        self.alice.accept(sender)
        hello = crafted.payload(crafted.private_message(APPLICATION, vector(b"hello")))
        first = Envelope(kind=Kind.MLS_MESSAGE, payload=hello).encode()
        return State(
            name=name,
            sender=sender,
            source=sender.peer,
            mallory=mallory,
            envelopes=[request, first],
            era_key_package=self._given_to(sender),
            crafted=crafted,
        )

    def _mallory(self, sender: Account) -> HostilePeer:
        seed = sender.read(lambda tx: ENGINE.identity_seed(crypto_area(tx))).reveal()
        return HostilePeer(now=self.world.now // 1000, identity_seed=seed)

    def _unproven(self, last_resort: bytes) -> State:
        name = "somebody by a relay"
        return self._state(name, self.world.account(name), proven=False, key_package=last_resort)


def _shared_era(tx: ReadTransaction, other: Account) -> Era | None:
    contact = contacts.by_peer(tx, other.peer)
    return keeping.sending(tx, contact.conversation) if contact else None
