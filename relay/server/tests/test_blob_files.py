"""The folder of blobs, where the disk fails."""

import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from balchat_relay.storage.sqlite.blob_files import BlobFiles
from balchat_relay_proto.errors import Code, Refused

pytestmark = pytest.mark.anyio


async def one_blob() -> AsyncIterator[bytes]:
    yield b"blob"


async def test_a_folder_whose_name_did_not_reach_the_disk_is_synced_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync
    names = tmp_path.stat().st_ino  # noqa: ASYNC240  # one call, in a test
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        if synced == [names]:
            raise OSError(errno.EIO, "the disk fails")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files = BlobFiles(tmp_path / "blobs", min_free=0)
    with pytest.RaisesExc(Refused, check=lambda error: error.code is Code.RELAY_FULL):
        await files.write(4, one_blob())
    await files.write(4, one_blob())
    await files.write(4, one_blob())
    assert synced.count(names) == 2, "once it failed, once it is known to be there"
