"""Messages in the vault."""

from collections.abc import Sequence

from balchat_host.api.frontend import Messages
from balchat_host.api.views import MessageView
from balchat_host.core.messages import history
from balchat_host.core.messages.compose import compose
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalMessages(LocalArea, Messages):
    """What was written."""

    def __init__(self, runner: UnitOfWorkRunner) -> None:
        self._runner = runner

    async def send(self, conversation: str, text: str, reply_to: str | None = None) -> MessageView:
        return await self._runner.change(lambda unit: compose(unit, conversation, text, reply_to=reply_to))

    async def get(self, message: str) -> MessageView:
        return await self._runner.read(lambda tx: history.show(tx, message))

    async def history(self, conversation: str, limit: int = 50, before: str | None = None) -> Sequence[MessageView]:
        return await self._runner.read(lambda tx: history.history(tx, conversation, limit=limit, before=before))
