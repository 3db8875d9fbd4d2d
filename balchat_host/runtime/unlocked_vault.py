"""An unlocked vault, ready to be worked on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from balchat_host.api.crypto import CryptoEngine
from balchat_host.api.errors import BalchatError
from balchat_host.api.frontend import Settings
from balchat_host.api.storage import Vault
from balchat_host.api.types import Secret
from balchat_host.core.unit_of_work import Effect, Policy
from balchat_host.runtime.files.folder import FileFolder
from balchat_host.runtime.files.offload import Offload
from balchat_host.runtime.files.service import FileService
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app import LocalAccount, LocalApp, Running
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlockedAccount:
    """An unlocked vault, and what is needed to work on the account in it.

    `clock` returns Unix milliseconds; `entropy(n)` returns n unpredictable octets.
    """

    vault: Vault
    engine: CryptoEngine
    policy: Policy
    clock: Callable[[], int]
    entropy: Callable[[int], bytes]
    new_recovery_code: Callable[[], Secret]
    process_id: int
    live_status: LiveStatus
    settings: Settings
    folder: FileFolder
    offload: Offload

    def runner(
        self,
        *,
        on_commit: Callable[[Iterable[Effect]], None] | None = None,
        on_failure: Callable[[BalchatError], None] | None = None,
        on_full: Callable[[], None] | None = None,
    ) -> UnitOfWorkRunner:
        """Return what runs the core's functions on the vault."""
        return UnitOfWorkRunner(
            self.vault,
            self.engine,
            policy=self.policy,
            clock=self.clock,
            entropy=self.entropy,
            on_commit=on_commit,
            on_failure=on_failure,
            on_full=on_full,
        )

    async def open_app(self) -> LocalApp:
        """Return the App of an account of which nothing runs. Raise what `UnitOfWorkRunner.open` does."""
        runner = self.runner(on_commit=self.live_status.carry_out)
        files = self.files(runner)
        await runner.open()
        await files.open()
        return self.app(runner, files)

    def files(self, runner: UnitOfWorkRunner) -> FileService:
        """Return the account's files."""
        return FileService(runner, self.folder, self.offload, self.live_status.presence, self.live_status.changed)

    def app(self, runner: UnitOfWorkRunner, files: FileService, running: Running | None = None) -> LocalApp:
        """Return the App that works by `runner`, with its files; `running` is what runs around it."""
        account = LocalAccount(
            runner, new_recovery_code=self.new_recovery_code, process_id=self.process_id, running=running
        )
        return LocalApp(runner, self.live_status, account, self.settings, files=files, running=running)
