"""Opens the store of a relay's folder: the relay's own, or the installed one that `[relay] store` names."""

import sqlite3
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import anyio
from anyio import to_thread
from balchat_common.words import either

from balchat_relay.errors import BadSettings, OperatorError, RelayExists, StoreMissing, StoreUnusable
from balchat_relay.operating.folder import Folder, unusable
from balchat_relay.settings import DAY, MIB, OWN_STORE, Limits, Settings, read_table
from balchat_relay.storage.contract import QueueStore, StoreLimits
from balchat_relay.storage.descriptor import API_VERSION, ENTRY_POINT_GROUP, StoreContext, StoreDescriptor
from balchat_relay.storage.sqlite.store import open_store


def store_limits(limits: Limits) -> StoreLimits:
    """Translate the operator's units into the store's."""
    return StoreLimits(
        queues=limits.queues,
        octets=limits.envelopes_mib * MIB,
        queue_envelopes=limits.queue_envelopes,
        queue_octets=limits.queue_mib * MIB,
        inbox_envelopes=limits.inbox_envelopes,
        inbox_octets=limits.inbox_mib * MIB,
        inbox_puts_per_hour=limits.inbox_puts_per_hour,
        cards=limits.cards,
        tokens=limits.tokens,
        claims_per_hour=limits.claims_per_hour,
        max_age=limits.max_age_days * DAY,
        max_idle=limits.max_idle_days * DAY,
        blob_octets=limits.blobs_mib * MIB,
        queue_blob_octets=limits.queue_blobs_mib * MIB,
        blob_age=limits.blobs_age_days * DAY,
    )


async def open_existing(folder: Folder, settings: Settings) -> QueueStore:
    """Open the store of a relay that was made. Raise OperatorError."""
    if settings.relay.store != OWN_STORE:
        return await _open_other(folder, settings, new=False)
    await to_thread.run_sync(folder.require_store)
    limits = settings.limits
    try:
        return await open_store(
            folder.database,
            store_limits(limits),
            min_free=limits.min_free_mib * MIB,
            max_file=limits.database_mib * MIB or None,
            new=False,
        )
    except StoreMissing:
        raise folder.store_missing("empty") from None
    except sqlite3.Error as error:
        raise folder.cannot_open(error) from error


async def begin_empty(folder: Folder, settings: Settings) -> None:
    """Begin with an empty store under the key that is there. Raise RelayExists, OperatorError."""
    if settings.relay.store == OWN_STORE:
        await to_thread.run_sync(folder.new_store)
        return
    await to_thread.run_sync(folder.read_seed)
    store = await _open_other(folder, settings, new=True)
    try:
        if store.totals.queues:
            raise RelayExists(f"{settings.relay.store} has {store.totals.queues} queues already. Nothing was changed.")
    finally:
        with anyio.CancelScope(shield=True):
            await store.aclose()


def find_store(name: str, file: Path) -> StoreDescriptor:
    """Import the store that the settings in `file` name. Raise BadSettings, StoreUnusable."""
    found: dict[str, EntryPoint] = {each.name: each for each in entry_points(group=ENTRY_POINT_GROUP)}
    if name not in found:
        allowed = either([OWN_STORE, *sorted(found)])
        raise BadSettings(f'{file}: relay.store: no store called "{name}" is installed. Allowed: {allowed}.')
    try:
        descriptor = found[name].load()
    except (Exception, SystemExit) as error:
        raise StoreUnusable(f"The store {name} cannot be imported: {_described(error)}.") from error
    if not isinstance(descriptor, StoreDescriptor):
        raise StoreUnusable(f"The store {name} gives {type(descriptor).__name__}, not a StoreDescriptor.")
    if descriptor.api_version != API_VERSION:
        raise StoreUnusable(
            f"The store {name} is made for version {descriptor.api_version} of the contract, and this balchat-relay has"
            f" version {API_VERSION}. Install a version of it that is made for this one."
        )
    return descriptor


async def _open_other(folder: Folder, settings: Settings, *, new: bool) -> QueueStore:
    name = settings.relay.store
    descriptor = await to_thread.run_sync(find_store, name, folder.settings)
    table: object = read_table(descriptor.settings, folder.settings, "store", settings.store)
    try:
        await to_thread.run_sync(partial(folder.store.mkdir, mode=0o700, exist_ok=True))
    except OSError as error:
        raise unusable(folder.store, error) from error
    context = StoreContext(folder=folder.store, limits=store_limits(settings.limits), new=new)
    try:
        store: object = await descriptor.factory(context, table)
    except OperatorError:
        raise
    except Exception as error:
        raise StoreUnusable(f"The store {name} cannot be opened: {_described(error)}.") from error
    if not isinstance(store, QueueStore):
        raise StoreUnusable(f"The store {name} opened {type(store).__name__}, not a QueueStore.")
    return store


def _described(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
