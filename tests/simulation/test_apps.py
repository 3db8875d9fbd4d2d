"""The App of a real account obeys the kit: in the process, across the socket, and two of them that reach each other."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import anyio
import pytest
from balchat_storage_sqlcipher.header import Kdf
from balchat_storage_sqlcipher.storage import SqlcipherStorage
from balchat_ui_rpc.plugin import connect
from balchat_ui_rpc.server import RpcServer
from balchat_ui_rpc.settings import RpcSettings

from balchat_host.api.errors import PeerUnreachable
from balchat_host.api.frontend import FrontEndContext
from balchat_host.api.transport import Latency, RelayManager, Transport
from balchat_host.runtime.plugin_setups import TransportSetup
from balchat_host.testing.app_kit import AppKit, TestedAccount
from balchat_host.testing.app_kit.account import AccountTests
from balchat_host.testing.app_kit.files import FileTests
from balchat_host.testing.app_kit.messages import MessageTests
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.app_relay_kit import AppRelayKit, DirectOnlyAppKit
from balchat_host.testing.memory_relays import MemoryRelays
from tests.support.virtual_account import PASSPHRASE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from anyio.abc import TaskStatus

    from balchat_host.api.frontend import App
    from balchat_host.api.transport import Outgoing
    from balchat_host.api.types import PeerId, Route

WEAK = Kdf(memory_kib=64, passes=1, lanes=1)


@asynccontextmanager
async def up(people, name: str) -> AsyncIterator[TestedAccount]:
    """Run an account; its recovery code is the one that it was made with."""
    someone = await people.make(name)
    async with someone.up() as app:
        yield TestedAccount(app=app, passphrase=PASSPHRASE, recovery_code=someone.recovery_code)


@asynccontextmanager
async def served(app: App, directory: Path) -> AsyncIterator[App]:
    """Serve an App on a socket, and give what a client sees."""
    context = FrontEndContext(profile=directory / "profile", runtime_directory=directory)
    async with anyio.create_task_group() as tasks:
        await tasks.start(RpcServer(context, RpcSettings()).run, app)
        connection = await connect(context, None)
        assert connection is not None
        async with connection as remote:
            yield remote
        tasks.cancel_scope.cancel()


@pytest.fixture
def short() -> Iterator[Path]:
    # pytest's own temporary paths are too long for a socket.
    with TemporaryDirectory(prefix="app-") as directory:
        yield Path(directory)


class OnSqlcipher:
    """An account on a real vault: the kit looks at a backup's file."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    async def alice(self, people, tmp_path: Path) -> AsyncIterator[TestedAccount]:
        people.storage = SqlcipherStorage(weak_kdf=WEAK)
        people.directory = tmp_path
        async with up(people, "Alice") as alice:
            yield alice


class TestLocalApp(OnSqlcipher, AppKit):
    pass


class TestRemoteApp(OnSqlcipher, AccountTests, MessageTests, FileTests):
    """What a real account and a vault on the disk make a difference to. `ui_rpc` runs all of the kit over a socket."""

    @pytest.fixture
    async def app(self, alice: TestedAccount, short: Path) -> AsyncIterator[App]:
        async with served(alice.app, short) as remote:
            yield remote


class TestLocalAppPair(AppPairKit):
    @pytest.fixture
    async def alice(self, people) -> AsyncIterator[TestedAccount]:
        async with up(people, "Alice") as alice:
            yield alice

    @pytest.fixture
    async def bob(self, people) -> AsyncIterator[TestedAccount]:
        async with up(people, "Bob") as bob:
            yield bob


class TestRemoteAppPair(TestLocalAppPair):
    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"

    @pytest.fixture
    async def alice(self, people, short: Path) -> AsyncIterator[TestedAccount]:
        async with up(people, "Alice") as alice, served(alice.app, short) as remote:
            yield TestedAccount(app=remote, passphrase=alice.passphrase, recovery_code=alice.recovery_code)


class HasRelays(Transport):
    """A transport with relays, where nothing is ever left."""

    def __init__(self) -> None:
        self._relays = MemoryRelays()

    @classmethod
    def setup(cls) -> TransportSetup:
        """What an account needs to have it."""
        latency = Latency.STORE_AND_FORWARD
        return TransportSetup(name="has_relays", origin="has-relays 1.0", latency=latency, make=lambda _context: cls())

    @property
    def relays(self) -> RelayManager:
        return self._relays

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        task_status.started()
        await anyio.sleep_forever()

    def first_routes(self, peer: PeerId) -> Sequence[Route]:
        return []

    async def allocate_routes(self, peer: PeerId) -> Sequence[Route]:
        return []

    async def send(self, peer: PeerId, routes: Sequence[Route], outgoing: Sequence[Outgoing]) -> None:
        raise PeerUnreachable(problem="nothing is left here")

    def reachable(self, peer: PeerId, device_id: bytes | None = None) -> bool:
        return False

    async def disconnect(self, peer: PeerId) -> None:
        pass


class TestLocalAppDirectOnly(DirectOnlyAppKit):
    @pytest.fixture
    async def app(self, people) -> AsyncIterator[App]:
        async with up(people, "Alice") as alice:
            yield alice.app


class TestLocalAppRelays(AppRelayKit):
    @pytest.fixture
    async def app(self, people) -> AsyncIterator[App]:
        someone = await people.make("Alice")
        someone.transports = [*someone.transports, HasRelays.setup()]
        async with someone.up() as app:
            yield app


class OverTheSocket:
    """The account of a real loop, as a client of its socket sees it."""

    @pytest.fixture
    def anyio_backend(self) -> str:
        return "asyncio"


class TestRemoteAppDirectOnly(OverTheSocket, DirectOnlyAppKit):
    @pytest.fixture
    async def app(self, people, short: Path) -> AsyncIterator[App]:
        async with up(people, "Alice") as alice, served(alice.app, short) as remote:
            yield remote


class TestRemoteAppRelays(OverTheSocket, AppRelayKit):
    @pytest.fixture
    async def app(self, people, short: Path) -> AsyncIterator[App]:
        someone = await people.make("Alice")
        someone.transports = [*someone.transports, HasRelays.setup()]
        async with someone.up() as app, served(app, short) as remote:
            yield remote
