"""The small transport with parts of files, for faults."""

from __future__ import annotations

from tests.kits.drop_blobs import BlobDropTransport
from tests.kits.drop_faults.faulty_drop import FaultyDrop

AS_PUT = "test_a_part_of_any_size_is_got_as_it_was_put_until_it_is_deleted"


class FaultyBlobs(BlobDropTransport, FaultyDrop):
    """No fault."""


class FaultyForTheAudit(FaultyBlobs):
    """No fault."""

    caught_by = AS_PUT
    audited = True
