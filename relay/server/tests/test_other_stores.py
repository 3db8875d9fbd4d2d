"""A store that somebody else has written: named in the settings, opened, and refused with a sentence for operators."""

import importlib
import json
from pathlib import Path

import pytest
from anyio import to_thread
from balchat_relay.errors import OperatorError, StoreMissing
from balchat_relay.operating import stores
from balchat_relay.operating.maintenance import back_up, problems
from balchat_relay.settings import Settings, read_settings
from balchat_relay.testing.client import connected
from balchat_relay.testing.process import RelayProcess

pytestmark = pytest.mark.anyio

MODULE = """
import anyio
from dataclasses import dataclass
from balchat_relay.errors import StoreMissing
from balchat_relay.storage.descriptor import NoSettings, StoreDescriptor
from balchat_relay.storage.memory import MemoryStore

@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    mark: str

async def make(context, settings):
    mark = anyio.Path(context.folder, settings.mark)
    if not context.new and not await mark.exists():
        raise StoreMissing(f"{mark} is missing.")
    await mark.touch()
    return MemoryStore(context.limits)

async def fail(context, settings):
    raise OSError("no route to the server\\nand more")

async def other(context, settings):
    return object()

GOOD = StoreDescriptor(summary="Keeps a mark", api_version=1, factory=make, settings=Settings)
OLD = StoreDescriptor(summary="", api_version=99, factory=make)
FAILING = StoreDescriptor(summary="", api_version=1, factory=fail)
WRONG = StoreDescriptor(summary="", api_version=1, factory=other)
"""


@pytest.fixture
async def process(short_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RelayProcess:
    """A relay beside stores that are installed."""
    names = {"good": "GOOD", "old": "OLD", "failing": "FAILING", "wrong": "WRONG", "absent": "MODULE_OF_NOBODY"}

    def install() -> None:
        (tmp_path / "stores_of_others.py").write_text(MODULE)
        information = tmp_path / "stores-1.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: stores\nVersion: 1\n")
        lines = [f"{name} = stores_of_others:{attribute}" for name, attribute in names.items()]
        (information / "entry_points.txt").write_text("\n".join(["[balchat.relay_stores.v1]", *lines]))

    await to_thread.run_sync(install)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    importlib.invalidate_caches()
    process = RelayProcess(short_folder)
    await process.make()
    return process


async def settings_of(process: RelayProcess) -> Settings:
    return await to_thread.run_sync(read_settings, process.folder.settings)


async def test_a_relay_serves_from_the_store_that_its_settings_name(process: RelayProcess) -> None:
    await process.set_store("good", mark="here")
    assert (await process.command("init", "--empty-store")).returncode == 0
    async with process.running(), connected(process.socket) as client:
        await client.new_queue()
        assert json.loads(await process.admin("/status"))["queues"] == 1


async def test_a_store_that_is_not_there_is_not_begun_by_itself(process: RelayProcess) -> None:
    await process.set_store("good", mark="here")
    with pytest.raises(StoreMissing, match="store/here is missing"):
        await stores.open_existing(process.folder, await settings_of(process))
    await stores.begin_empty(process.folder, await settings_of(process))
    store = await stores.open_existing(process.folder, await settings_of(process))
    await store.aclose()


async def test_what_the_store_keeps_is_not_in_a_backup(process: RelayProcess, tmp_path: Path) -> None:
    await process.set_store("good", mark="here")
    assert await to_thread.run_sync(back_up, process.folder, tmp_path / "copy") == "good"
    copies = await to_thread.run_sync(lambda: sorted(path.name for path in (tmp_path / "copy").iterdir()))
    assert copies == ["onion.key", "relay.toml"]


async def test_check_looks_whether_the_store_is_installed(process: RelayProcess) -> None:
    await process.set_store("nobody")
    (problem,) = await to_thread.run_sync(lambda: list(problems(process.folder)))
    assert 'no store called "nobody"' in problem


@pytest.mark.parametrize(
    ("store", "settings", "code", "words"),
    [
        (
            "nobody",
            {},
            8,
            'no store called "nobody" is installed. Allowed: sqlite, absent, failing, good, old or wrong',
        ),
        ("good", {}, 8, "store.mark"),
        ("good", {"mark": "a", "more": 1}, 8, "store.more: there is no such key"),
        ("sqlite", {"mark": "a"}, 8, "sqlite has no settings"),
        ("old", {}, 12, "made for version 99"),
        ("failing", {}, 12, "cannot be opened: OSError: no route to the server."),
        ("wrong", {}, 12, "opened object, not a QueueStore"),
        ("absent", {}, 12, "cannot be imported: AttributeError"),
    ],
)
async def test_what_cannot_be_used_is_said_in_one_line(
    process: RelayProcess, store: str, settings: dict[str, object], code: int, words: str
) -> None:
    await process.set_store(store, **settings)
    with pytest.raises(OperatorError) as refused:
        await stores.open_existing(process.folder, await settings_of(process))
    assert refused.value.exit_code == code
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)
