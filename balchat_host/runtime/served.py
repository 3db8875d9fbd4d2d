"""A front end that serves in the account's process, whichever object of it runs now."""

from functools import partial

from balchat_host.api.frontend import App, FrontEnd
from balchat_host.api.types import ServiceState
from balchat_host.runtime.board import Board
from balchat_host.runtime.failures import checked
from balchat_host.runtime.setups import FrontEndSetup
from balchat_host.runtime.supervision import PluginService, Run


class ServedFrontEnd(PluginService):
    """Runs against the App. A front end tells nothing of its state: it serves once it has started."""

    def __init__(self, setup: FrontEndSetup, app: App, board: Board) -> None:
        super().__init__(setup.name, setup.origin)
        self._setup = setup
        self._app = app
        self._board = board

    def make(self) -> Run:
        return partial(checked(self._setup.make(), FrontEnd).run, self._app)

    def show(self, state: ServiceState) -> None:
        self._board.set_plugin(self.name, state)
