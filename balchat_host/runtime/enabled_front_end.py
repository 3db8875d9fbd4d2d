"""A front end that serves in the account's process: runs it, with the App, for as long as the supervisor keeps it."""

from collections.abc import Callable
from functools import partial

from anyio.abc import TaskStatus

from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.types import ServiceState
from balchat_host.runtime.enabled_plugin import EnabledPlugin, Run
from balchat_host.runtime.plugin_failure_messages import checked
from balchat_host.runtime.plugin_setups import FrontEndSetup


class EnabledFrontEnd(EnabledPlugin[FrontEnd]):
    """Runs against the App. One that tells nothing of its state serves once it has started."""

    def __init__(self, setup: FrontEndSetup, app: App, show: Callable[[str, ServiceState], None]) -> None:
        super().__init__(setup, show)
        self._setup = setup
        self._app = app

    def _make(self, on_state: Callable[[ServiceState], None]) -> FrontEnd:
        return checked(self._setup.make(on_state), FrontEnd)

    def _run_of(self, made: FrontEnd) -> Run:
        return partial(self._serve, made)

    async def _serve(self, made: FrontEnd, *, task_status: TaskStatus[None]) -> None:
        with self._app.client() as app:
            await made.run(app, task_status=task_status)
