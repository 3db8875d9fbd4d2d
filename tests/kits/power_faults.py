"""Faults in the relay's SQLite store that a power failure shows, and a kill does not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from balchat_relay.storage.sqlite import blob_files, schema
from balchat_relay_proto.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class PowerFault:
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    needs_asyncio: ClassVar[bool] = True
    failures: ClassVar[tuple[type[BaseException], ...]] = (Refused,)

    @staticmethod
    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the store do it."""


def _with(monkeypatch: pytest.MonkeyPatch, pragma: str) -> None:
    connect = schema.connect

    def connected(*args: Any, **more: Any) -> Any:
        connection = connect(*args, **more)
        connection.execute(pragma)
        return connection

    monkeypatch.setattr(schema, "connect", connected)


def _syncs_only_where(monkeypatch: pytest.MonkeyPatch, allowed: Callable[[Any], bool]) -> None:
    sync = blob_files._sync
    monkeypatch.setattr(blob_files, "_sync", lambda folder: sync(folder) if allowed(folder) else None)


class LetsSqliteNotWait(PowerFault):
    """Has SQLite not wait for the disk (`synchronous=OFF`)."""

    caught_by = "test_what_was_answered_outlives_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        _with(monkeypatch, "PRAGMA synchronous=OFF")


class WaitsAtCheckpoints(PowerFault):
    """Has SQLite wait for the disk at checkpoints only (`synchronous=NORMAL`), and answers before them."""

    caught_by = "test_what_a_subscriber_was_told_outlives_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        _with(monkeypatch, "PRAGMA synchronous=NORMAL")


class SyncsNoBlob(PowerFault):
    """Never has the disk write a blob that is in its cache (fsync)."""

    caught_by = "test_blobs_outlive_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        monkeypatch.setattr(blob_files, "_finish", blob_files._write)


class SyncsNoNames(PowerFault):
    """Syncs blobs, and not the folder that has their names."""

    caught_by = "test_blobs_outlive_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        _syncs_only_where(monkeypatch, lambda folder: folder.name != "blobs")


class SyncsNoFolderOfBlobs(PowerFault):
    """Makes a folder for blobs, and does not sync the one that has its name."""

    caught_by = "test_blobs_outlive_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        _syncs_only_where(monkeypatch, lambda folder: folder.name == "blobs")


class LeavesWhatCameBack(PowerFault):
    """Leaves what it has deleted, where a power failure brings the file back."""

    caught_by = "test_a_blob_that_was_deleted_does_not_come_back_after_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        monkeypatch.setattr(blob_files.BlobFiles, "compare", lambda *_: [])


class LeavesHalfABlob(PowerFault):
    """Has the disk write each piece of a blob as it comes, and leaves the pieces of one that never came whole."""

    caught_by = "test_of_a_blob_that_was_coming_nothing_is_left_after_a_power_failure"

    @staticmethod
    def plant(monkeypatch):
        create, write = blob_files.BlobFiles._create, blob_files._write

        def created(files: Any, *named: Any) -> int:
            descriptor = create(files, *named)
            blob_files._sync(files._folder)
            return descriptor

        def written(descriptor: int, octets: bytes) -> None:
            write(descriptor, octets)
            os.fsync(descriptor)

        monkeypatch.setattr(blob_files.BlobFiles, "_create", created)
        monkeypatch.setattr(blob_files, "_write", written)
        monkeypatch.setattr(blob_files, "_GATHERED", 1)
        monkeypatch.setattr(blob_files.BlobFiles, "compare", lambda *_: [])


FAULTS = list(PowerFault.__subclasses__())
