"""Looks at the write-ahead log that a killed process left, before SQLite does.

SQLite takes the first frame that does not fit its checksum for the end of the log, and forgets what follows. So a
flipped octet, or a log that was cut short, would silently take back units that were acknowledged, ratchet steps among
them. The log's index outlives a killed process in the page cache and says how many frames were committed: the log must
still have them all. After a power failure the index may be older than the log, but never newer, because the log is on
the disk before the index names its frames; then this checks less, and refuses nothing that is whole.

Formats: https://www.sqlite.org/fileformat2.html, section 4; https://www.sqlite.org/walformat.html, section 2.
"""

import struct
import sys
from array import array
from dataclasses import dataclass
from typing import BinaryIO, Final

from balchat_host.api.errors import VaultDamaged
from balchat_storage_sqlcipher.files import VaultFiles

_INDEX_HEADER: Final = struct.Struct("=12x4xI12x8s8s")  # frames, salts, checksum
_INDEX_CHECKPOINT: Final = struct.Struct("=I")
_LOG_HEADER: Final = struct.Struct(">4x4xI4x8s8s")  # page size, salts, checksum
_FRAME_HEADER: Final = struct.Struct(">8x8s8s")  # salts, checksum
_CHECKSUM_SIZE: Final = 8
_SUMMED_OF_FRAME_HEADER: Final = 8
_MAX_PAGE_SIZE: Final = 65536
_MASK: Final = 0xFFFFFFFF

_Sum = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """What the index says: the log with these salts has this many committed frames."""

    salts: bytes
    frames: int


def require_whole_log(files: VaultFiles) -> None:
    """Raise VaultDamaged where committed frames are no longer in the log."""
    claim = _read_index(files)
    if claim is None:
        return
    try:
        with files.log.open("rb") as log:
            whole = _has_frames(log, claim)
    except FileNotFoundError:
        whole = False
    if not whole:
        raise VaultDamaged(problem="its log has lost changes that were already saved")


def _read_index(files: VaultFiles) -> _Claim | None:
    """Return what the index says of frames that are nowhere but in the log; None where it is absent or says nothing."""
    try:
        with files.log_index.open("rb") as index:
            octets = index.read(2 * _INDEX_HEADER.size + _INDEX_CHECKPOINT.size)
    except FileNotFoundError:
        return None
    if len(octets) < 2 * _INDEX_HEADER.size + _INDEX_CHECKPOINT.size:
        return None
    (in_database,) = _INDEX_CHECKPOINT.unpack_from(octets, 2 * _INDEX_HEADER.size)
    # The header is there twice; a process that is killed while it writes leaves one of them whole.
    for copy in (octets[: _INDEX_HEADER.size], octets[_INDEX_HEADER.size : 2 * _INDEX_HEADER.size]):
        frames, salts, checksum = _INDEX_HEADER.unpack(copy)
        if _summed((0, 0), copy[:-_CHECKSUM_SIZE], sys.byteorder) == struct.unpack("=II", checksum):
            return _Claim(salts=salts, frames=frames) if frames > in_database else None
    return None


def _has_frames(log: BinaryIO, claim: _Claim) -> bool:
    header = log.read(_LOG_HEADER.size)
    if len(header) < _LOG_HEADER.size:
        return False
    # The lowest bit of the magic number says in which byte order the sums are made; they are stored big-endian.
    order = "big" if header[3] & 1 else "little"
    page_size, salts, checksum = _LOG_HEADER.unpack(header)
    total = _summed((0, 0), header[:-_CHECKSUM_SIZE], order)
    if total != struct.unpack(">II", checksum) or page_size > _MAX_PAGE_SIZE:
        return False
    if salts != claim.salts:
        return True  # a new log was begun after the index was last on the disk
    for _ in range(claim.frames):
        frame = log.read(_FRAME_HEADER.size + page_size)
        if len(frame) < _FRAME_HEADER.size + page_size:
            return False
        salts, checksum = _FRAME_HEADER.unpack_from(frame)
        total = _summed(total, frame[:_SUMMED_OF_FRAME_HEADER] + frame[_FRAME_HEADER.size :], order)
        if salts != claim.salts or total != struct.unpack(">II", checksum):
            return False
    return True


def _summed(total: _Sum, octets: bytes, order: str) -> _Sum:
    """Add octets, a multiple of 8, to a running checksum (fileformat2, section 4.2)."""
    words = array("I", octets)
    if order != sys.byteorder:
        words.byteswap()
    first, second = total
    pairs = iter(words)
    for even, odd in zip(pairs, pairs, strict=True):
        first = (first + even + second) & _MASK
        second = (second + odd + first) & _MASK
    return first, second
