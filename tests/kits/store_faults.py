"""Faults for a relay's store, in the one in memory: what it says survives a kill is what `durable` gives."""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import replace
from typing import ClassVar

from balchat_relay.storage import rules
from balchat_relay.storage.memory import MemoryStore
from balchat_relay_proto.errors import Refused
from balchat_relay_proto.replies import Claimed, Fetched

logger = logging.getLogger(__name__)


class FaultyStore(MemoryStore):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = ()
    """How the test fails where that is no failure of every plugin."""

    def durable(self) -> MemoryStore:
        """Return a store with what a kill leaves."""
        left = type(self)(self.limits)
        left._queues, left._invitations = deepcopy(self._queues), dict(self._invitations)
        left._blobs = deepcopy(self._blobs)
        left._draining = self._draining
        return left


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


class ForgetsAtTheEnd(FaultyStore):
    """Forgets what was acknowledged when it is closed, and takes it again."""

    caught_by = "test_what_was_done_is_there_when_the_store_is_opened_again"

    async def aclose(self):
        for queue in self._queues.values():
            queue.acknowledged.clear()


class BelievesEverybody(FaultyStore):
    """Gives a queue to whoever knows its name."""

    caught_by = "test_a_wrong_capability_and_an_absent_queue_are_refused_alike"

    def _own(self, queue, receive):
        rules.admit(there=queue in self._queues, stored=b"", presented=b"")
        return self._queues[queue]


class TellsWhatIsThere(FaultyStore):
    """Says of a queue that is not there something else than of a wrong capability."""

    caught_by = "test_a_wrong_capability_and_an_absent_queue_are_refused_alike"

    def _own(self, queue, receive):
        if queue not in self._queues:
            raise Refused(rules.queue_full().code, "no such queue")
        return super()._own(queue, receive)


class LetsOthersTakeOver(FaultyStore):
    """Creates a queue once more with other verifiers."""

    caught_by = "test_nobody_creates_what_is_there_with_other_verifiers"

    async def create(self, queue, *, send, receive, invitation=None, now):
        found = self._queues.get(queue)
        if found is not None:
            found.send, found.receive = send, receive
        await super().create(queue, send=send, receive=receive, invitation=invitation, now=now)


class EmptiesWhatIsThere(FaultyStore):
    """Empties a queue that is created once more."""

    caught_by = "test_creating_twice_keeps_what_is_there"

    async def create(self, queue, *, send, receive, invitation=None, now):
        if queue in self._queues:
            self._queues[queue].envelopes.clear()
        await super().create(queue, send=send, receive=receive, invitation=invitation, now=now)


class StoresTwice(FaultyStore):
    """Stores an envelope again that is there."""

    caught_by = "test_putting_twice_is_putting_once_also_after_the_acknowledgement"

    async def put(self, queue, *, send, envelope_id, envelope, now):
        found = self._queues.get(queue)
        again = found is not None and envelope_id in found.envelopes
        identifier = envelope_id[::-1] if again else envelope_id
        await super().put(queue, send=send, envelope_id=identifier, envelope=envelope, now=now)


class TakesBackWhatWasAcknowledged(FaultyStore):
    """Forgets at once what was acknowledged."""

    caught_by = "test_putting_twice_is_putting_once_also_after_the_acknowledgement"

    async def put(self, queue, *, send, envelope_id, envelope, now):
        if queue in self._queues:
            self._queues[queue].acknowledged.clear()
        await super().put(queue, send=send, envelope_id=envelope_id, envelope=envelope, now=now)


class GivesTheNewestFirst(FaultyStore):
    """Gives what is newest first."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"

    async def fetch(self, queue, **more):
        found = await super().fetch(queue, **more)
        return Fetched(stored=tuple(reversed(found.stored)), more=found.more)


class DeletesWhatItGives(FaultyStore):
    """Deletes what it has given, before it is acknowledged."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"

    async def fetch(self, queue, **more):
        found = await super().fetch(queue, **more)
        self._queues[queue].envelopes.clear()
        return found


class SaysThatThereIsNoMore(FaultyStore):
    """Never says that there is more."""

    caught_by = "test_a_cursor_goes_on_where_the_last_fetch_ended"

    async def fetch(self, queue, **more):
        return Fetched(stored=(await super().fetch(queue, **more)).stored, more=False)


class GivesTheOld(FaultyStore):
    """Gives what is too old."""

    caught_by = "test_what_is_too_old_is_not_given_and_then_deleted"

    async def fetch(self, queue, *, now, **more):
        return await super().fetch(queue, now=0, **more)


class NeverSweeps(FaultyStore):
    """Never deletes a queue that its owner has forgotten."""

    caught_by = "test_a_queue_that_its_owner_forgot_is_deleted"

    async def sweep(self, *, now):
        return False


class BoundsNoCount(FaultyStore):
    """Lets a queue have any number of envelopes."""

    caught_by = "test_a_queue_takes_no_more_than_its_count"

    def _quota(self, queue):
        return 2**31, super()._quota(queue)[1]


class BoundsNoOctets(FaultyStore):
    """Lets a queue have any number of octets."""

    caught_by = "test_a_queue_takes_no_more_than_its_octets"

    def _quota(self, queue):
        return super()._quota(queue)[0], 2**31


class LetsAnybodyDrainThePool(FaultyStore):
    """Gives strangers every card."""

    caught_by = "test_strangers_cannot_drain_a_pool"

    async def claim(self, queue, *, send, token, now):
        self._queues[queue].claims, self._queues[queue].pool = 0, 0
        return await super().claim(queue, send=send, token=token, now=now)


class UsesATokenTwice(FaultyStore):
    """Takes a token any number of times."""

    caught_by = "test_a_token_is_good_for_one_ordinary_card"

    async def claim(self, queue, *, send, token, now):
        claimed = await super().claim(queue, send=send, token=token, now=now)
        if token is not None:
            self._queues[queue].tokens.add(token)
        return claimed


class GivesACardToTwo(FaultyStore):
    """Gives one card to several who claim at once."""

    caught_by = "test_a_card_is_claimed_once_and_the_last_resort_stays"

    async def claim(self, queue, *, send, token, now):
        cards = self._queues[queue].cards
        return (
            Claimed(card=cards[0], last_resort=False)
            if cards
            else await super().claim(queue, send=send, token=token, now=now)
        )


class TellsSubscribersOfOthers(FaultyStore):
    """Lets anybody subscribe."""

    caught_by = "test_only_the_queues_owner_subscribes"

    async def subscribe(self, queue, subscriber, *, receive):
        self._subscribers.add(queue, subscriber)


class TellsAfterwards(FaultyStore):
    """Tells whoever has unsubscribed."""

    caught_by = "test_whoever_unsubscribed_hears_nothing"

    def unsubscribe(self, queue, subscriber):
        pass


class LogsEnvelopes(FaultyStore):
    """Logs what is put."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"
    audited = True

    async def put(self, queue, *, send, envelope_id, envelope, now):
        logger.debug("put %s", envelope.hex())
        await super().put(queue, send=send, envelope_id=envelope_id, envelope=envelope, now=now)


# -- blobs


class LetsAnybodyPut(FaultyStore):
    """Takes a blob for a queue from whoever knows its name."""

    caught_by = "test_only_a_queues_owner_puts"

    def _own(self, queue, receive):
        if queue not in self._queues:
            raise rules.denied()
        return self._queues[queue]


class LetsAnybodyDelete(FaultyStore):
    """Deletes a blob for whoever knows its name."""

    caught_by = "test_only_who_may_delete_does"
    failures = (Refused,)

    async def delete_blobs(self, blobs):
        await super().delete_blobs([(name, self._blobs[name].delete) for name, _ in blobs if name in self._blobs])


class KeepsWhatBroke(FaultyStore):
    """Keeps what has come of a blob that breaks off."""

    caught_by = "test_of_what_breaks_off_nothing_is_kept"

    async def put_blob(self, queue, *, blob, delete, size, octets, **named):
        came = bytearray()
        async for piece in octets:
            came += piece
        return await super().put_blob(queue, blob=blob, delete=delete, size=len(came), octets=_again(came), **named)


class CountsARepeatedBlob(FaultyStore):
    """Counts a blob once more that is put again."""

    caught_by = "test_putting_again_changes_nothing"

    def _is_there(self, queue, blob, delete, *, size, now):
        self.again = getattr(self, "again", 0) + (blob in self._blobs)
        return super()._is_there(queue, blob, delete, size=size, now=now)

    @property
    def totals(self):
        found = super().totals
        return replace(found, blobs=found.blobs + getattr(self, "again", 0))


class CountsBlobsBeforeTheyCome(FaultyStore):
    """Looks whether there is room before a blob has come, and not when it is kept."""

    caught_by = "test_many_at_once_are_no_more_than_the_share"

    def _is_there(self, queue, blob, delete, *, size, now):
        self.looked = getattr(self, "looked", set())
        if blob in self.looked and blob not in self._blobs:
            return False
        self.looked.add(blob)
        return super()._is_there(queue, blob, delete, size=size, now=now)


class HasNoShareOfBlobs(FaultyStore):
    """Lets one queue have all the room for blobs."""

    caught_by = "test_a_queue_has_no_more_blobs_than_its_share"

    def _of(self, queue):
        return {}


class KeepsBlobsOfNoQueue(FaultyStore):
    """Keeps the blobs of a queue that is deleted."""

    caught_by = "test_blobs_go_with_their_queue"

    def _drop(self, queue):
        kept = {name: each for name, each in self._blobs.items() if each.queue == queue}
        super()._drop(queue)
        self._blobs.update(kept)

    def _expire(self, queue, now):
        if queue in self._queues:
            super()._expire(queue, now)


class RenewsEverything(FaultyStore):
    """Keeps all blobs longer when one owner says that theirs are needed."""

    caught_by = "test_blobs_are_kept_for_their_time_and_longer_where_they_are_renewed"

    async def renew_blobs(self, queue, *, receive, now):
        kept = await super().renew_blobs(queue, receive=receive, now=now)
        for found in self._queues.values():
            found.blobs_until = now + self.limits.blob_age
        return kept


class BringsBlobsBack(FaultyStore):
    """Gives what is too old once something new is put."""

    caught_by = "test_what_is_put_late_does_not_bring_back_what_is_over"

    def _expire(self, queue, now):
        pass


class FillsTheRelay(FaultyStore):
    """Takes blobs without end, where they are of many queues."""

    caught_by = "test_a_full_store_takes_no_blobs_and_gives_what_it_has"

    @property
    def totals(self):
        return replace(super().totals, blob_octets=0)


async def _again(octets):
    yield bytes(octets)


FAULTS = list(FaultyStore.__subclasses__())
