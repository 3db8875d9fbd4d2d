"""Contact requests in the vault."""

from collections.abc import Sequence

from balchat_host.api.frontend import Requests
from balchat_host.api.views import ContactView, RequestView
from balchat_host.core.first_contact import answering, requests
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.local_app.area import LocalArea
from balchat_host.runtime.unit_of_work_runner import UnitOfWorkRunner


class LocalRequests(LocalArea, Requests):
    """Who asks to become a contact."""

    def __init__(self, runner: UnitOfWorkRunner, live_status: LiveStatus) -> None:
        self._runner = runner
        self._live_status = live_status

    async def list(self) -> Sequence[RequestView]:
        return await self._runner.read(lambda tx: [request.view for request in requests.everything(tx)])

    async def accept(self, request: str, name: str | None = None) -> ContactView:
        view = await self._runner.change(lambda unit: answering.accept_request(unit, request, name=name))
        return self._live_status.presence.complete(view)

    async def reject(self, request: str) -> RequestView:
        return await self._runner.change(lambda unit: requests.reject(unit, request))

    async def block(self, request: str) -> ContactView:
        return await self._runner.change(lambda unit: answering.block_request(unit, request))
