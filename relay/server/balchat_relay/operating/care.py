"""Backup and check of a relay's folder, whether it runs or not. Blocking: for the command line."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from balchat_relay.operating.folder import Folder, FolderProblem
from balchat_relay.settings import BadSettings, read_settings

_PAGES_AT_ONCE: Final = 4096


def back_up(folder: Folder, target: Path) -> None:
    """Copy database, key and settings into a new private folder. Raises FolderProblem.

    A relay that is restored from it gives out again what was acknowledged since; clients drop that by its id.
    """
    folder.read_seed()
    try:
        target.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise FolderProblem(f"{target} is there already. Name a folder that is not.") from None
    copy = Folder(target)
    for source, destination in ((folder.settings, copy.settings), (folder.key, copy.key)):
        shutil.copyfile(source, destination)
        destination.chmod(0o600)
    if folder.database.exists():
        origin, destination = sqlite3.connect(folder.database), sqlite3.connect(copy.database)
        try:
            copy.database.chmod(0o600)
            origin.backup(destination, pages=_PAGES_AT_ONCE)
        except sqlite3.Error as error:
            raise FolderProblem(f"The database could not be copied: {error}.") from error
        finally:
            destination.close()
            origin.close()
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def problems(folder: Folder) -> Iterator[str]:
    """Look at everything; give a sentence for each thing that is wrong."""
    try:
        folder.read_seed()
    except FolderProblem as problem:
        yield str(problem)
    try:
        read_settings(folder.settings)
    except BadSettings as problem:
        yield str(problem)
    if folder.path.exists() and stat.S_IMODE(folder.path.stat().st_mode) & 0o077:
        yield f"Others may look into {folder.path}. `chmod 700` it."
    if folder.database.exists():
        yield from _database_problems(folder.database)


def _database_problems(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(path)
    try:
        connection.execute("BEGIN")
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            yield f"The database is damaged ({verdict}). Restore a backup."
            return
        kept = connection.execute("SELECT queues, envelopes, octets, cards FROM totals").fetchone()
        counted = connection.execute(
            "SELECT (SELECT count(*) FROM queues), (SELECT count(*) FROM envelopes),"
            " (SELECT coalesce(sum(length(body)), 0) FROM envelopes)"
            " + (SELECT coalesce(sum(length(body)), 0) FROM cards), (SELECT count(*) FROM cards)"
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
