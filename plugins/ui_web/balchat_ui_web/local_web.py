"""What the web process does for a page: makes, unlocks and chooses accounts, gives out links and tickets."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

import anyio
import segno
from anyio import to_thread

from balchat_host.api.bell import Bell
from balchat_host.api.errors import AlreadyRunning, BadInput, WrongSecret
from balchat_host.api.frontend import App, Profile
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.api.views import FileState, MessageView
from balchat_ui_web.account import CurrentAccount
from balchat_ui_web.attempts import Attempts
from balchat_ui_web.errors import TerminalOnly, TooSlow
from balchat_ui_web.one_time import OneTime
from balchat_ui_web.sessions import UPLOAD_SECONDS
from balchat_ui_web.settings import Unlock
from balchat_ui_web.web_area import Created, NewWindow, QrCode, SecretKind, Ticket, Web, WebState

MAX_QR_TEXT: Final = 600
MAX_SECRET: Final = 4096
TICKET_SECONDS: Final = 30
_MOST_TICKETS: Final = 64

ResultT = TypeVar("ResultT")


class Passphrases:
    """Every try of a secret goes through here: one at a time, slowly where somebody guesses, none where none may be."""

    def __init__(self, account: CurrentAccount, clock: Callable[[], float]) -> None:
        self._account = account
        self._attempts = Attempts(clock)
        self._lock = anyio.Lock()

    def require_page(self) -> None:
        """Raise TerminalOnly where no passphrase may be typed in a page."""
        if self._account.settings.unlock is Unlock.TERMINAL:
            raise TerminalOnly

    async def start(self, secret: Secret, slot: SlotKind) -> None:
        """Start the account; return when it can be asked. Raise Wait, TerminalOnly, what `Profile.start` raises."""
        self.require_page()
        async with self._lock:
            with self._counting():
                if await self._started(secret, slot):
                    self._attempts.right()

    async def check(self, attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Call what looks at a secret; return what that returns. Raise Wait, TerminalOnly, what it raises."""
        self.require_page()
        async with self._lock:
            with self._counting():
                result = await attempt()
                self._attempts.right()
                return result

    async def verify(self, passphrase: Secret) -> None:
        """Return where a passphrase is right; an account that does not run is started with it.

        Raise WrongSecret, Wait, TerminalOnly, NotRunning, what `Profile.start` raises.
        """
        self.require_page()
        async with self._lock:
            with self._counting():
                if self._account.app is not None or not await self._started(passphrase, SlotKind.PASSPHRASE):
                    await self._account.require().account.verify_passphrase(passphrase)
                self._attempts.right()

    async def _started(self, secret: Secret, slot: SlotKind) -> bool:
        """Start the account. Return False where it ran already: then nobody has looked at the secret."""
        with self._account.starting():
            started = True
            try:
                await self._account.profile.start(secret, slot)
            except AlreadyRunning:
                started = False
            await self._account.wait_until_running()
        return started

    @contextmanager
    def _counting(self) -> Generator[None]:
        """Count a try that is wrong. Raise Wait where none can be made yet."""
        self._attempts.require()
        try:
            yield
        except (WrongSecret, anyio.get_cancelled_exc_class()):
            # Whoever leaves before the answer has tried, too.
            self._attempts.wrong()
            raise


class LocalWeb(Web):
    """One server's. `link` makes a URL for another window, `noticed` is told that a person is there.

    `written` rings when a piece of a file has come.
    """

    def __init__(
        self,
        account: CurrentAccount,
        passphrases: Passphrases,
        clock: Callable[[], float],
        link: Callable[[], str],
        *,
        noticed: Callable[[], None],
        written: Bell,
    ) -> None:
        self._clock = clock
        self._written = written
        self._account = account
        self._passphrases = passphrases
        self._link = link
        self._noticed = noticed
        self.tickets = OneTime[str](TICKET_SECONDS, _MOST_TICKETS, clock)
        """The files that may be fetched, by what fetches them."""

    async def state(self) -> WebState:
        return self._account.state()

    def watch(self) -> AsyncIterator[WebState]:
        return self._account.watch()

    async def choose(self, profile: str) -> WebState:
        if not profile or "/" in profile:
            raise BadInput(what="the profile", problem="a page chooses profiles by their names only")
        await self._account.choose(profile)
        return self._account.state()

    async def check_name(self, name: str) -> str:
        return self._profile.check_name(name)

    async def check_passphrase(self, passphrase: str) -> None:
        await to_thread.run_sync(self._profile.check_passphrase, _secret(passphrase))

    async def create(self, name: str, passphrase: str) -> Created:
        self._passphrases.require_page()
        code = await self._account.create(name, _secret(passphrase))
        return Created(recovery_code=code.reveal().decode())

    async def start(self, secret: str, slot: SecretKind = SecretKind.PASSPHRASE) -> WebState:
        await self._passphrases.start(_secret(secret), slot.slot)
        return self._account.state()

    async def new_window(self) -> NewWindow:
        return NewWindow(url=self._link())

    async def ticket(self, file: str) -> Ticket:
        found = await self._account.require().files.get(file)
        return Ticket(path=f"/download/{self.tickets.make(found.id)}")

    async def send_when_written(
        self,
        conversation: str,
        text: str,
        files: Sequence[str],
        reply_to: str | None = None,
        *,
        markdown: bool = False,
        mentions: Sequence[str] = (),
    ) -> MessageView:
        app = self._account.require()
        for file in files:
            await self._wait_until_written(app, file)
        return await app.messages.send(conversation, text, reply_to, markdown=markdown, mentions=mentions, files=files)

    async def _wait_until_written(self, app: App, file: str) -> None:
        last, since = -1, self._clock()
        while True:
            ring = self._written.next_ring()
            view = await app.files.get(file)
            if view.state is not FileState.WRITING:
                return
            if view.here != last:
                last, since = view.here, self._clock()
            elif self._clock() - since > UPLOAD_SECONDS:
                raise TooSlow(seconds=UPLOAD_SECONDS)
            with anyio.move_on_after(UPLOAD_SECONDS + 1):
                await ring.wait()

    async def qr(self, text: str) -> QrCode:
        if not 0 < len(text) <= MAX_QR_TEXT:
            raise BadInput(what="The text of a QR code", problem=f"it has 1 to {MAX_QR_TEXT} characters")
        modules = segno.make(text, error="m", micro=False).matrix
        return QrCode(rows=["".join("1" if each else "0" for each in row) for row in modules])

    async def active(self) -> None:
        self._noticed()

    @property
    def _profile(self) -> Profile:
        return self._account.profile


def _secret(text: str) -> Secret:
    """Take what was typed. Raise BadInput where it is longer than a secret can be."""
    if len(text) > MAX_SECRET:
        raise BadInput(what="The secret", problem=f"it has more than {MAX_SECRET} characters")
    return Secret.from_text(text)
