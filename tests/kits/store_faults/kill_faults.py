"""Faults of what outlives a kill."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

from anyio.lowlevel import checkpoint
from balchat_relay.storage.memory import _Blob
from balchat_relay.storage.subscribers import Stored as Put

from tests.kits.store_faults.faulty_store import FaultyStore


class LosesTheLast(FaultyStore):
    """Answers that an envelope is stored before it is written."""

    caught_by = "test_what_was_put_outlives_a_kill"

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            if queue.envelopes:
                queue.envelopes.popitem()
        return left


class AcknowledgesInMemory(FaultyStore):
    """Keeps acknowledgements in memory for a while."""

    caught_by = "test_what_was_acknowledged_does_not_come_back_after_a_kill"
    gone: ClassVar[dict] = {}

    async def acknowledge(self, queue, *, receive, envelope_ids, now):
        self.before = deepcopy(self._queues)
        await super().acknowledge(queue, receive=receive, envelope_ids=envelope_ids, now=now)

    def durable(self):
        left = super().durable()
        left._queues = deepcopy(self.before)
        return left


class DeletesLater(FaultyStore):
    """Answers that a queue is deleted before it is."""

    caught_by = "test_a_queue_that_was_deleted_does_not_come_back_after_a_kill"

    async def delete(self, queue, *, receive):
        self.before = deepcopy(self._queues)
        await super().delete(queue, receive=receive)

    def durable(self):
        left = super().durable()
        left._queues = self.before
        return left


class GivesACardTwice(FaultyStore):
    """Notes a claim after the card was given."""

    caught_by = "test_a_card_that_was_claimed_is_not_given_again_after_a_kill"

    async def claim(self, queue, *, send, token, now):
        self.before = deepcopy(self._queues)
        return await super().claim(queue, send=send, token=token, now=now)

    def durable(self):
        left = super().durable()
        left._queues = self.before
        return left


class CountsNoInvitations(FaultyStore):
    """Forgets with the process which invitations were used."""

    caught_by = "test_an_invitation_that_was_used_is_not_good_again_after_a_kill"

    def durable(self):
        left = super().durable()
        left._invitations = dict.fromkeys(left._invitations, 1)
        return left


class NumbersFromWhatIsLeft(FaultyStore):
    """Goes on after a kill with the number after the last envelope that is still there."""

    caught_by = "test_no_sequence_is_given_again_after_a_kill"

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            queue.next = max((each.sequence for each in queue.envelopes.values()), default=0) + 1
        return left


class ForgetsTheOperator(FaultyStore):
    """Forgets with the process what the operator said."""

    caught_by = "test_what_the_operator_said_outlives_a_kill"

    def durable(self):
        left = super().durable()
        left._draining = False
        return left


class ForgetsTheHour(FaultyStore):
    """Counts from 0 again within the hour after a kill."""

    caught_by = "test_the_number_of_an_hour_outlives_a_kill"

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            queue.puts = queue.claims = 0
        return left


class GivesTokensBack(FaultyStore):
    """Notes after the card was given that a token is used up."""

    caught_by = "test_a_pool_outlives_a_kill"

    async def claim(self, queue, **more):
        self.tokens = set(self._queues[queue].tokens)
        return await super().claim(queue, **more)

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            queue.tokens |= self.tokens
        return left


class ForgetsWhatWasAcknowledged(FaultyStore):
    """Takes again after a kill what was acknowledged before."""

    caught_by = "test_what_was_acknowledged_does_not_come_back_after_a_kill"

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            queue.acknowledged.clear()
        return left


class ForgetsRenewals(FaultyStore):
    """Forgets with the process that blobs are to be kept longer."""

    caught_by = "test_the_time_of_blobs_outlives_a_kill"

    async def renew_blobs(self, queue, *, receive, now):
        kept = await super().renew_blobs(queue, receive=receive, now=now)
        self.until = getattr(self, "until", now + kept)
        return kept

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            queue.blobs_until = self.until
        return left


class LosesBlobs(FaultyStore):
    """Answers that a blob is kept before it is written."""

    caught_by = "test_a_blob_outlives_a_kill"

    def durable(self):
        left = super().durable()
        left._blobs.clear()
        return left


class DeletesBlobsLater(FaultyStore):
    """Answers that a blob is deleted before it is."""

    caught_by = "test_a_blob_that_was_deleted_does_not_come_back_after_a_kill"

    async def delete_blobs(self, blobs):
        self.before = dict(self._blobs)
        await super().delete_blobs(blobs)

    def durable(self):
        left = super().durable()
        left._blobs = self.before
        return left


class KeepsHalfABlob(FaultyStore):
    """Has a blob in its place while it comes."""

    caught_by = "test_of_a_blob_that_was_coming_nothing_is_left_after_a_kill"

    async def put_blob(self, queue, *, blob, delete, octets, now, **more):
        self._queues[queue].blobs_until = now + 1

        async def kept():
            came = b""
            async for piece in octets:
                came += piece
                self.half = {blob: _Blob(queue, delete, came)}
                yield piece

        try:
            return await super().put_blob(queue, blob=blob, delete=delete, octets=kept(), now=now, **more)
        finally:
            self.half = {}

    def durable(self):
        left = super().durable()
        left._blobs.update(getattr(self, "half", {}))
        return left


class TellsBeforeItIsWritten(FaultyStore):
    """Tells a subscriber of an envelope before it is written."""

    caught_by = "test_what_a_subscriber_was_told_outlives_a_kill"

    async def put(self, queue, *, envelope, **more):
        self._subscribers.tell([Put(queue, self._queues[queue].next, envelope)])
        for _ in range(4):
            await checkpoint()
        self._subscribers._by_queue.clear()
        await super().put(queue, envelope=envelope, **more)
