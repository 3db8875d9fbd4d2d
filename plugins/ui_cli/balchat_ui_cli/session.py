"""How a command reaches the account: through the socket of a running balchat, or else by opening the vault itself.

A command hands in one asynchronous function of `App` and gets its result. Which `App` that was, it need not know;
`connected` tells it afterwards.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar

import anyio

from balchat_host.api.errors import BalchatError, NoSuchProfile, NotRunning, VaultInUse, WrongSecret
from balchat_host.api.failures import leaves
from balchat_host.api.frontend import App, Profile
from balchat_host.api.storage import SlotKind
from balchat_host.api.streams import ReaderGone
from balchat_host.api.types import Secret
from balchat_ui_cli.output import Output
from balchat_ui_cli.passphrases import SecretSource

T = TypeVar("T")

POLL = 0.1
"""Seconds between two tries to open a vault that another process has open."""

Call = Callable[[App], Awaitable[T]]


@dataclass(frozen=True, slots=True)
class Key:
    """What opens the vault: where the secret comes from, and of which kind it is."""

    source: SecretSource
    slot: SlotKind


class Session:
    """One command's way to the account of `profile`. `patience`: seconds to wait for others to let go of the vault."""

    def __init__(self, profile: Profile, key: Key, out: Output, patience: float) -> None:
        self.profile = profile
        self.key = key
        self.connected = False
        """Whether the last call went to a running balchat."""
        self._out = out
        self._patience = patience
        self._secret: Secret | None = None
        """What opened the vault, for a command that opens it more than once."""

    def ask(self, call: Call[T]) -> T:
        """Call the running account, or else open the vault for it. Raise NoSuchProfile and what the call raises."""
        answer = self.try_running(call)
        return self.unlocking(lambda secret: self._beside_others(secret, call)) if answer is None else answer[0]

    def ask_with(self, secret: Secret, call: Call[T]) -> T:
        """Do the same with a secret that is already known."""
        answer = self.try_running(call)
        return self._beside_others(secret, call) if answer is None else answer[0]

    def ask_running(self, call: Call[T]) -> T:
        """Call the running account. Raise NotRunning, NoSuchProfile, and what the call raises."""
        answer = self.try_running(call)
        if answer is None:
            raise NotRunning
        return answer[0]

    def try_running(self, call: Call[T]) -> tuple[T] | None:
        """Call the running account; return None where none runs. Raise NoSuchProfile, and what the call raises."""
        self.require_account()
        return self._through_socket(call)

    def require_account(self) -> None:
        """Raise NoSuchProfile unless there is an account."""
        if not self.profile.exists():
            raise NoSuchProfile(name=self.profile.name)

    def unlocking(self, use: Callable[[Secret], T]) -> T:
        """Give the secret to `use`; where it was typed and is wrong, ask again. Raise what `use` raises."""
        tries = 1 if self._secret else self.key.source.tries
        while True:
            secret = self._secret or self.key.source.read()
            tries -= 1
            try:
                answer = use(secret)
                self._secret = secret
                return answer
            except WrongSecret as error:
                if not tries:
                    raise
                self._out.warn(error.code, str(error))

    def when_free(self, attempt: Callable[[], T], instead: Callable[[], tuple[T] | None] | None = None) -> T:
        """Return what `attempt` gives, once no other process has the vault open; ask `instead` in between.

        Another command may be at work on the vault for a second or two, or `balchat up` may be coming up, which then
        has it for good: `instead` finds that out. Raise VaultInUse where neither happens in time, and what both raise.
        """
        deadline = monotonic() + self._patience
        said = False
        while True:
            try:
                return attempt()
            except VaultInUse:
                if monotonic() >= deadline:
                    raise
            if instead and (answer := instead()) is not None:
                return answer[0]
            if not said and self._out.live:
                self._out.hint(["Another balchat command is using this account; waiting for it."])
                said = True
            sleep(POLL)

    def _beside_others(self, secret: Secret, call: Call[T]) -> T:
        return self.when_free(lambda: self._through_vault(secret, call), lambda: self._through_socket(call))

    def _through_socket(self, call: Call[T]) -> tuple[T] | None:
        async def attempt() -> tuple[T] | None:
            connection = await self.profile.connect()
            if connection is None:
                return None
            async with connection as app:
                return (await call(app),)

        with one_error():
            answer = anyio.run(attempt)
        self.connected = answer is not None
        return answer

    def _through_vault(self, secret: Secret, call: Call[T]) -> T:
        async def attempt() -> T:
            async with self.profile.open(secret, self.key.slot) as app:
                return await call(app)

        with one_error():
            return anyio.run(attempt)


@contextmanager
def one_error() -> Generator[None, None, None]:
    """Raise the error that a group of them is about, if it is one of balchat's own, or that nobody reads any more."""
    try:
        yield
    except BaseExceptionGroup as group:
        for error in leaves(group):
            if isinstance(error, BalchatError | ReaderGone):
                raise error from error.__cause__
        raise
