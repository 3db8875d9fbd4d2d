"""The account itself, and its vault."""

from collections.abc import Callable, Collection
from pathlib import Path

from balchat_host.api.errors import BadInput, NotRunning, WrongSecret
from balchat_host.api.frontend import Account
from balchat_host.api.storage import SlotKind
from balchat_host.api.types import Secret
from balchat_host.api.views import CodeView
from balchat_host.core import account
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.local_app.running import Running
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalAccount(LocalArea, Account):
    """The account itself, and its vault."""

    def __init__(
        self,
        runner: UnitOfWorkRunner,
        *,
        new_recovery_code: Callable[[], Secret],
        process_id: int,
        running: Running | None,
    ) -> None:
        self._runner = runner
        self._new_recovery_code = new_recovery_code
        self._process_id = process_id
        self._running = running

    def missing(self) -> Collection[str]:
        return ("shut_down",) if self._running is None else ()

    async def code(self) -> CodeView:
        return await self._runner.read(account.code)

    async def verify_passphrase(self, passphrase: Secret) -> None:
        await self._runner.vault.verify_slot(SlotKind.PASSPHRASE, passphrase)

    async def change_passphrase(self, old: Secret, new: Secret) -> None:
        vault = self._runner.vault
        try:
            await vault.verify_slot(SlotKind.PASSPHRASE, old)
        except WrongSecret:
            try:
                await vault.verify_slot(SlotKind.RECOVERY_CODE, old)
            except (WrongSecret, BadInput):
                # Most likely it was meant for the passphrase, and not for a recovery code with a typing error.
                raise WrongSecret(slot=SlotKind.PASSPHRASE) from None
        await vault.set_slot(SlotKind.PASSPHRASE, new)

    async def renew_recovery_code(self, passphrase: Secret) -> Secret:
        await self._runner.vault.verify_slot(SlotKind.PASSPHRASE, passphrase)
        code = self._new_recovery_code()
        await self._runner.vault.set_slot(SlotKind.RECOVERY_CODE, code)
        return code

    async def backup(self, target: str) -> None:
        path = Path(target)
        if not path.is_absolute():
            raise BadInput(what="The backup's path", problem="it is not absolute")
        await self._runner.back_up(path)

    async def shut_down(self) -> int:
        if self._running is None:
            raise NotRunning
        self._running.stop()
        return self._process_id
