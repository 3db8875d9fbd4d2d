"""Backup and check of a relay's folder, whether it runs or not. Blocking: for the command line."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from balchat_relay.errors import FolderProblem, OperatorError, RelayExists
from balchat_relay.operating.folder import Folder, unusable
from balchat_relay.operating.stores import find_store
from balchat_relay.settings import MIB, OWN_STORE, Limits, Settings, read_settings, read_table
from balchat_relay.storage.sqlite.writer import RESERVE

_PAGES_AT_ONCE: Final = 4096


def back_up(folder: Folder, target: Path) -> str:
    """Copy database, key and settings into a new private folder; return which store it has. Raise OperatorError.

    What a store that is not the relay's own keeps is not copied: its author says how to.

    A relay that is restored from it gives out again what was acknowledged since; clients drop that by its id. Blobs are
    not copied: who put them does it again.
    """
    folder.read_seed()
    store = read_settings(folder.settings).relay.store
    if store == OWN_STORE:
        folder.require_store()
    try:
        target.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise RelayExists(f"{target} is there already. Name a folder that is not.") from None
    except OSError as error:
        raise unusable(target, error) from error
    try:
        _copy(folder, Folder(target), database=store == OWN_STORE)
    except OSError as error:
        raise unusable(target, error) from error
    except sqlite3.Error as error:
        raise FolderProblem(f"The database could not be copied: {error}.") from error
    return store


def _copy(folder: Folder, copy: Folder, *, database: bool) -> None:
    for source, destination in ((folder.settings, copy.settings), (folder.key, copy.key)):
        shutil.copyfile(source, destination)
        destination.chmod(0o600)
    if database:
        _copy_database(folder, copy)
    descriptor = os.open(copy.path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_database(folder: Folder, copy: Folder) -> None:
    origin, destination = sqlite3.connect(folder.database), sqlite3.connect(copy.database)
    try:
        copy.database.chmod(0o600)
        origin.backup(destination, pages=_PAGES_AT_ONCE)
    finally:
        destination.close()
        origin.close()


def problems(folder: Folder) -> Iterator[str]:
    """Look at everything; yield a sentence for each thing that is wrong."""
    settings = Settings()
    try:
        folder.read_seed()
    except OperatorError as problem:
        yield str(problem)
    try:
        settings = read_settings(folder.settings)
    except OperatorError as problem:
        yield str(problem)
    if not folder.path.is_dir():
        return
    if stat.S_IMODE(folder.path.stat().st_mode) & 0o077:
        yield f"Others may look into {folder.path}. `chmod 700` it."
    yield from _disk_problems(folder.path, settings.limits)
    if settings.relay.store != OWN_STORE:
        yield from _other_stores_problems(folder, settings)
        return
    try:
        folder.require_store()
    except OperatorError as problem:
        if folder.key.exists():
            yield str(problem)
    else:
        yield from _database_problems(folder.database)


def _other_stores_problems(folder: Folder, settings: Settings) -> Iterator[str]:
    """Look at what can be seen of a store that is not the relay's own, without opening it."""
    try:
        store = find_store(settings.relay.store, folder.settings)
        read_table(store.settings, folder.settings, "store", settings.store)
    except OperatorError as problem:
        yield str(problem)


def _disk_problems(path: Path, limits: Limits) -> Iterator[str]:
    disk = os.statvfs(path)
    free = disk.f_bavail * disk.f_frsize
    if disk.f_flag & os.ST_RDONLY or not os.access(path, os.W_OK):
        yield f"{path} cannot be written, so nothing new is taken. Mount it for writing, or give it to this user."
    elif free < max(limits.min_free_mib * MIB, RESERVE):
        yield (
            f"{free // MIB} MiB are free on the disk of {path}. limits.min_free_mib is {limits.min_free_mib}, and it is"
            f" never less than {RESERVE // MIB}, so nothing new is taken. Make room, or lower the limit."
        )


def _database_problems(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    try:
        connection.execute("BEGIN")
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            yield f"The database is damaged ({verdict}). Restore a backup."
            return
        kept = connection.execute("SELECT queues, envelopes, octets, cards, blobs, blob_octets FROM totals").fetchone()
        counted = connection.execute(
            "SELECT (SELECT count(*) FROM queues), (SELECT count(*) FROM envelopes),"
            " (SELECT coalesce(sum(length(body)), 0) FROM envelopes)"
            " + (SELECT coalesce(sum(length(body)), 0) FROM cards), (SELECT count(*) FROM cards),"
            " (SELECT count(*) FROM blobs), (SELECT coalesce(sum(size), 0) FROM blobs)"
        ).fetchone()
        if kept != counted:
            yield f"The totals {kept} are not what is there, {counted}. Please report it."
        (astray,) = connection.execute(
            "SELECT count(*) FROM (SELECT q.row FROM queues q LEFT JOIN envelopes e ON e.queue = q.row GROUP BY q.row"
            " HAVING q.envelopes <> count(e.number) OR q.octets <> coalesce(sum(length(e.body)), 0))"
        ).fetchone()
        if astray:
            yield f"{astray} queues count wrongly. Please report it."
    except sqlite3.Error as error:
        yield f"The database cannot be read: {error}. Restore a backup."
    finally:
        connection.close()
