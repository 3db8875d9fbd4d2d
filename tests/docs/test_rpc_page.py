"""The page about the local socket says what the socket does: its reference is the code's, its programs run."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from balchat_ui_rpc.endpoint import socket_path
from balchat_ui_rpc.limits import MAX_REQUEST_SIZE, Limits
from balchat_ui_rpc.server import RpcServer
from balchat_ui_rpc.settings import RpcSettings

from balchat_host.api.frontend import App, FrontEndContext
from balchat_host.api.frontend.area import areas_of
from balchat_host.api.rpc.description import MAX_ID_LENGTH, METHODS, PROTOCOL
from balchat_host.api.rpc.session import MAX_ANSWER_SIZE
from balchat_host.loader.profiles import ProfileDirectory
from balchat_host.testing.memory_account import MemoryAccount
from balchat_host.testing.waiting import Seen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

PAGE = "rpc.md"
SCRIPT = Path(__file__).parents[2] / "scripts" / "rpc_reference.py"


class Account(MemoryAccount):
    """Tells what was acknowledged. Bob is a contact, and away."""

    def __init__(self) -> None:
        super().__init__()
        self.bob = self.befriend("Bob")
        self.acknowledged: Seen[int] = Seen()
        self._acknowledge, self.app.events.acknowledge = self.app.events.acknowledge, self._note

    async def _note(self, subscriber: str, cursor: int) -> None:
        await self._acknowledge(subscriber, cursor)
        self.acknowledged(cursor)


@pytest.fixture
def short_path() -> Iterator[Path]:
    with TemporaryDirectory(prefix="rpc-") as directory:
        yield Path(directory)


@pytest.fixture
def context(short_path: Path) -> FrontEndContext:
    return FrontEndContext(profile=short_path / "profile", runtime_directory=short_path)


@pytest.fixture
async def account(context: FrontEndContext) -> AsyncIterator[Account]:
    account = Account()
    account.bob.write("hello")
    async with anyio.create_task_group() as tasks:
        await tasks.start(RpcServer(context, RpcSettings()).run, account.app)
        yield account
        tasks.cancel_scope.cancel()


def test_the_reference_is_the_codes(page: Any) -> None:
    text = page(PAGE)
    assert runpy.run_path(str(SCRIPT))["page"](text) == text, "run scripts/rpc_reference.py"


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_has_its_place(page: Any, name: str) -> None:
    assert f"\n#### `{name}`\n" in page(PAGE)


@pytest.mark.parametrize("name", sorted(areas_of(App)))
def test_every_area_has_its_place(page: Any, name: str) -> None:
    assert f"\n### `{name}`\n" in page(PAGE)


def test_the_figures_are_the_codes(page: Any) -> None:
    text = " ".join(page(PAGE).split())
    for said in (
        f"A request has at most {MAX_REQUEST_SIZE >> 20} MiB, an answer at most {MAX_ANSWER_SIZE >> 20} MiB",
        f"must be ended within {Limits().patience} seconds",
        f"a text of up to {MAX_ID_LENGTH} characters",
        f"up to {Limits().calls} of them",
        f"At most {Limits().streams} are open at a time",
        {5: "have five seconds to finish"}[Limits().grace],
        f"{RpcSettings().max_clients} programs may be connected",
        f"`protocol`, now {PROTOCOL}",
    ):
        assert said in text


def test_the_shell_finds_the_socket(blocks: Any, short_path: Path) -> None:
    (block,) = blocks(PAGE, "bash")
    home, runtime = short_path / "home", short_path / "run"
    profile = home / ".local" / "share" / "balchat" / "default"
    for directory in (profile, runtime):
        directory.mkdir(parents=True, mode=0o700)
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "PATH": "/usr/bin:/bin"}
    found = subprocess.run(
        ["bash", "-euc", block.text + 'echo "$socket"'], env=environment, capture_output=True, text=True, check=True
    )
    place = ProfileDirectory(name="default", directory=profile).runtime_directory(environment)
    assert Path(found.stdout.strip()) == socket_path(FrontEndContext(profile=profile, runtime_directory=place))


@pytest.mark.anyio
async def test_the_first_program_lists_contacts(blocks: Any, account: Account, context: FrontEndContext) -> None:
    program = blocks(PAGE, "python")[0].text
    done = await anyio.run_process([sys.executable, "-c", program, str(socket_path(context))])
    assert done.stdout == b"Bob 1\n"


@pytest.mark.anyio
async def test_the_watcher_misses_nothing_while_the_account_is_restarted(blocks: Any, context: FrontEndContext) -> None:
    account = Account()
    program = blocks(PAGE, "python")[2].text

    async def written_while_up(lines: BufferedByteReceiveStream) -> list[str]:
        """Serve the account, write, and return what the program prints; nothing serves it any more then."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(RpcServer(context, RpcSettings()).run, account.app)
            if not before:
                before.append(int((await line_of(lines)).removeprefix("from ")))
            account.bob.write("while it is up")
            printed = [await line_of(lines) for _ in range(await account.app.events.cursor() - before[-1])]
            before.append(before[-1] + len(printed))
            tasks.cancel_scope.cancel()
        return printed

    before: list[int] = []
    async with await anyio.open_process([sys.executable, "-c", program, str(socket_path(context))]) as watcher:
        assert watcher.stdout is not None
        lines = BufferedByteReceiveStream(watcher.stdout)
        printed = await written_while_up(lines)
        for _ in range(2):
            account.bob.write("while nothing runs")
            printed += await written_while_up(lines)
        watcher.kill()
    last = await account.app.events.cursor()
    assert [int(line.split()[0]) for line in printed] == list(range(before[0] + 1, last + 1))
    assert {line.split()[1] for line in printed} == {"message.added"}


async def line_of(lines: BufferedByteReceiveStream) -> str:
    return (await lines.receive_until(b"\n", 1000)).decode()


@pytest.mark.anyio
async def test_the_bot_answers_once_and_goes_on_where_it_was(
    blocks: Any, account: Account, context: FrontEndContext
) -> None:
    program = blocks(PAGE, "python")[1].text
    for said in (1, 2):
        # Its answer is the next event.
        last = await account.app.events.cursor() + 1
        async with await anyio.open_process([sys.executable, "-c", program, str(socket_path(context))]) as bot:
            await account.acknowledged.until(lambda cursors, last=last: last in cursors)
            bot.terminate()
        history = [message.text for message in account.bob.conversation]
        assert history == ["hello", "You said: hello"] * said
        account.bob.write("hello")
