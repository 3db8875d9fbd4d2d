"""Bulk streams: what nobody reads holds up its writer, and nothing else."""

from secrets import token_bytes

import anyio
import pytest

from balchat_host.testing.fake_transport_context import echo
from balchat_host.testing.octets import assert_octets
from balchat_host.testing.transport_kit.bench import (
    TransportBench,
    accounts,
    deliver,
)
from balchat_host.testing.transport_kit.bulk_base import (
    LARGE,
    BulkBase,
    bulk_stream,
    read_all,
    stuck_stream,
)


@pytest.mark.anyio
class StuckBulkTests(BulkBase):
    """What nobody reads holds up its writer, and nothing else."""

    @pytest.mark.parametrize("writes", ["opener", "acceptor"])
    async def test_where_nobody_reads_a_bulk_stream_no_more_can_be_written(
        self, bench: TransportBench, writes: str
    ) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 3) as (alice, bob, carol), stuck_stream(bench, alice, bob, carol, writes=writes):
            pass

    async def test_envelopes_pass_while_a_bulk_stream_is_stuck(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 3) as (alice, bob, carol), stuck_stream(bench, alice, bob, carol):
            await deliver(bench, alice, bob, [b"there", token_bytes(100_000)])
            await deliver(bench, bob, alice, [b"back"])

    async def test_a_bulk_stream_that_is_stuck_holds_up_no_other_one(self, bench: TransportBench) -> None:
        self.needs_bulk(bench)
        async with accounts(bench, 3) as (alice, bob, carol), stuck_stream(bench, alice, bob, carol):
            bob.host.serve_bulk = echo
            octets = token_bytes(LARGE)
            async with bulk_stream(alice, bob) as other, anyio.create_task_group() as sending:
                sending.start_soon(other.send, octets)
                assert_octets(await read_all(other, LARGE), octets)
