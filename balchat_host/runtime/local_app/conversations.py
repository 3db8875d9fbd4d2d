"""Conversations in the vault."""

from balchat_host.api.frontend import Conversations
from balchat_host.api.views import ConversationView
from balchat_host.core.messages import history
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalConversations(LocalArea, Conversations):
    """What is shown and written in."""

    def __init__(self, runner: UnitOfWorkRunner) -> None:
        self._runner = runner

    async def get(self, conversation: str) -> ConversationView:
        return await self._runner.read(lambda tx: history.conversation(tx, conversation))

    async def mark_read(self, conversation: str, up_to: str) -> None:
        await self._runner.change(lambda unit: history.mark_read(unit, conversation, up_to=up_to))
