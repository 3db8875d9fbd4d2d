"""What every changing function of the core gets: one transaction, the crypto engine, the time, and chance."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.errors import InternalError, PeerError, WorldError
from balchat_host.api.storage import KeyValueArea, ReadTransaction, SqlValue, Transaction
from balchat_host.api.types import PeerId

_CRYPTO_AREA: Final = "crypto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the configuration says about an account. Numbers bound what others can make grow."""

    read_receipts: bool = True
    max_contacts: int = 1000
    max_requests: int = 100
    strangers_per_hour: int = 60
    accept_requests: bool = True
    """Whether strangers may ask for contact."""
    fetch_pictures_up_to: int = 2**20
    """Octets of the largest picture that is fetched without being asked for, where a conversation says nothing else."""
    request_lifetime: int = 30 * 24 * 3600
    """Seconds that a contact request, and the KeyPackage behind it, wait for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendPending:
    """Something waits to leave for a device of `peer`; None where we know of none yet."""

    peer: PeerId
    device_id: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """Have nothing more to do with `peer`."""

    peer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget:
    """Have nothing more to do with `peer`, and keep nothing of them."""

    peer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferRoutes:
    """Ask the transports how `peer` can reach us, and hand it over (`routes.offer`)."""

    peer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRoutes:
    """`peer` has named other ways by which it can be reached, or uses another era: what waited starts afresh."""

    peer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Something that waited for `peer` must not leave any more: what is about to leave is looked for once more."""

    peer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptWaiting:
    """Have what is not encrypted yet in a conversation encrypted in further units (`queue.encrypt_more`)."""

    conversation: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """The event log has grown, or what `status` shows has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpected:
    """Something brought up an exception of this type, which nobody foresaw, and was undone: have the type logged."""

    type: str


Effect = (
    Unexpected | SendPending | Disconnect | Forget | OfferRoutes | NewRoutes | Withdrawn | EncryptWaiting | Announce
)
ANNOUNCE: Final = Announce()


@dataclass(slots=True, kw_only=True)
class UnitOfWork:
    """One unit of change. `now` is Unix milliseconds; `entropy(n)` gives n unpredictable octets.

    `effects` collects what the runtime does after the commit, each once, in the order in which they first came up.
    """

    tx: Transaction
    engine: CryptoEngine
    now: int
    entropy: Callable[[int], bytes]
    policy: Policy = field(default_factory=Policy)
    effects: dict[Effect, None] = field(default_factory=dict[Effect, None])

    @property
    def seconds(self) -> int:
        """The time in Unix seconds, as the engine takes it."""
        return self.now // 1000

    @property
    def keys(self) -> KeyValueArea:
        """The engine's area in this transaction."""
        return crypto_area(self.tx)

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what is done inside, effects too, if it raises."""
        before = dict(self.effects)
        try:
            with self.tx.savepoint():
                yield
        except BaseException:
            self.effects = before
            raise

    @contextmanager
    def contained(self) -> Generator[None]:
        """Undo what is done inside, and go on, if it raises. Errors of the world, which end more than this, pass."""
        try:
            with self.savepoint():
                yield
        except (WorldError, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  # whatever it is, a library's panic too, it ends this alone
            self.unexpected(error)

    def unexpected(self, error: BaseException) -> None:
        """Have the type of an exception logged; what it says may tell of people."""
        self.effect(Unexpected(type=type(error).__name__))

    def blame(self, error: BaseException) -> str:
        """Return the code of an error that is somebody else's fault; any other one is logged, and called internal."""
        if isinstance(error, PeerError):
            return error.code
        self.unexpected(error)
        return InternalError.code

    def insert(self, sql: str, parameters: Sequence[SqlValue]) -> int:
        """Insert a row; return its number."""
        number = self.tx.insert(sql, parameters)
        assert number is not None, "only what conflicts with something is not inserted"
        return number

    def effect(self, effect: Effect) -> None:
        """Have the runtime do something after the commit."""
        self.effects[effect] = None


def crypto_area(tx: ReadTransaction) -> KeyValueArea:
    """Return the engine's area for a call that only reads."""
    return tx.area(_CRYPTO_AREA)
