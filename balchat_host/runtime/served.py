"""A front end that serves in the account's process, whichever object of it runs now."""

from functools import partial

from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.types import ServiceState
from balchat_host.runtime.failures import checked
from balchat_host.runtime.live_status import LiveStatus
from balchat_host.runtime.setups import FrontEndSetup
from balchat_host.runtime.supervision import PluginService, Run


class ServedFrontEnd(PluginService):
    """Runs against the App. A front end tells nothing of its state: it serves once it has started."""

    def __init__(self, setup: FrontEndSetup, app: App, live_status: LiveStatus) -> None:
        super().__init__(setup.name, setup.origin)
        self._setup = setup
        self._app = app
        self._live_status = live_status

    def make(self) -> Run:
        return partial(checked(self._setup.make(), FrontEnd).run, self._app)

    def show(self, state: ServiceState) -> None:
        self._live_status.set_plugin(self.name, state)
