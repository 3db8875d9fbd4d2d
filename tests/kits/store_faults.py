"""Faults for a relay's store, in the one in memory: what it says survives a kill is what `durable` gives."""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import replace
from itertools import takewhile
from typing import ClassVar

from balchat_relay.storage import rules
from balchat_relay.storage.memory import MemoryStore
from balchat_relay.storage.subscribers import Stored as Put
from balchat_relay_proto.errors import Refused
from balchat_relay_proto.replies import Claimed, Fetched

logger = logging.getLogger(__name__)


class FaultyStore(MemoryStore):
    """No fault."""

    caught_by: ClassVar[str]
    audited: ClassVar[bool] = False
    failures: ClassVar[tuple[type[BaseException], ...]] = (Refused,)
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


# -- sequences, acknowledgements, capabilities


class NumbersFromTheStartAgain(FaultyStore):
    """Numbers what comes from 1 again once a queue is empty."""

    caught_by = "test_a_sequence_is_never_given_again"

    async def acknowledge(self, queue, **more):
        await super().acknowledge(queue, **more)
        if not self._queues[queue].envelopes:
            self._queues[queue].next = 1


class NumbersFromWhatIsLeft(FaultyStore):
    """Goes on after a kill with the number after the last envelope that is still there."""

    caught_by = "test_no_sequence_is_given_again_after_a_kill"

    def durable(self):
        left = super().durable()
        for queue in left._queues.values():
            queue.next = max((each.sequence for each in queue.envelopes.values()), default=0) + 1
        return left


class TakesTheCursorForAPlace(FaultyStore):
    """Takes a cursor for a place among what is left."""

    caught_by = "test_a_cursor_holds_though_what_stood_before_it_is_gone"

    async def fetch(self, queue, *, after, **more):
        there = list(self._queues[queue].envelopes.values())[:after]
        return await super().fetch(queue, after=there[-1].sequence if there else 0, **more)


class AcknowledgesEverywhere(FaultyStore):
    """Deletes what is acknowledged from every queue."""

    caught_by = "test_an_envelope_is_acknowledged_in_its_queue_alone"

    async def acknowledge(self, queue, *, envelope_ids, **more):
        await super().acknowledge(queue, envelope_ids=envelope_ids, **more)
        for each in self._queues.values():
            for envelope_id in envelope_ids:
                each.envelopes.pop(envelope_id, None)


class StopsAtAnUnknownId(FaultyStore):
    """Acknowledges nothing that stands behind an id that is not there."""

    caught_by = "test_ids_that_are_not_there_are_passed_over"

    async def acknowledge(self, queue, *, envelope_ids, **more):
        known = list(takewhile(self._queues[queue].envelopes.__contains__, envelope_ids))
        await super().acknowledge(queue, envelope_ids=known, **more)


class RemembersWhatWasNeverThere(FaultyStore):
    """Never takes what was acknowledged before it came."""

    caught_by = "test_ids_that_are_not_there_are_passed_over"

    async def acknowledge(self, queue, *, envelope_ids, now, **more):
        await super().acknowledge(queue, envelope_ids=envelope_ids, now=now, **more)
        for envelope_id in envelope_ids:
            self._queues[queue].acknowledged[envelope_id] = now + self.limits.remembered


class ComparesInPart(FaultyStore):
    """Compares the first octets of a capability."""

    caught_by = "test_a_capability_is_compared_as_a_whole_and_in_constant_time"

    def _own(self, queue, receive):
        found = self._queues.get(queue)
        begins = found is not None and receive is not None and found.receive[:8] == receive[:8]
        return found if begins else super()._own(queue, receive)


class ComparesByEquality(FaultyStore):
    """Compares capabilities in a time that tells how much of them is right."""

    caught_by = "test_a_capability_is_compared_as_a_whole_and_in_constant_time"

    def _own(self, queue, receive):
        found = self._queues.get(queue)
        return found if found is not None and found.receive == receive else super()._own(queue, receive)


class LooksAtOneVerifier(FaultyStore):
    """Creates what is there once more with another verifier for whoever sends."""

    caught_by = "test_nobody_creates_what_is_there_with_other_verifiers"

    async def create(self, queue, *, send, receive, **more):
        found = self._queues.get(queue)
        if found is None or found.receive != receive:
            await super().create(queue, send=send, receive=receive, **more)


class DeletesAllOfAnOwner(FaultyStore):
    """Deletes each queue of the same owner with one of them."""

    caught_by = "test_a_deleted_queue_is_gone_with_everything_in_it"

    async def delete(self, queue, *, receive):
        await super().delete(queue, receive=receive)
        for other in [name for name, each in self._queues.items() if each.receive == receive]:
            self._drop(other)


class LogsQueues(FaultyStore):
    """Logs into which queue something is put."""

    caught_by = "test_what_was_put_is_fetched_in_order_until_it_is_acknowledged"
    audited = True

    async def put(self, queue, **more):
        logger.info("something is put into %s", queue.hex())
        await super().put(queue, **more)


class ShowsQueues(FaultyStore):
    """Shows in its repr which queues there are."""

    caught_by = "test_nothing_of_queues_is_in_its_repr"

    def __repr__(self):
        return f"Store({[queue.hex() for queue in self._queues]})"


# -- bounds and times


class ExpiresEarly(FaultyStore):
    """Deletes what has been there for half of its time."""

    caught_by = "test_nothing_goes_before_its_time"

    async def sweep(self, *, now):
        return await super().sweep(now=now + self.limits.max_age // 2)


class KeepsWhatOthersFill(FaultyStore):
    """Takes whoever puts into a queue for its owner, and so keeps one that its owner has forgotten."""

    caught_by = "test_a_queue_that_its_owner_forgot_is_deleted"

    async def put(self, queue, *, now, **more):
        await super().put(queue, now=now, **more)
        self._queues[queue].seen = now


class TrustsTheClock(FaultyStore):
    """Takes nothing any more once the clock is set back."""

    caught_by = "test_a_clock_that_is_set_back_loses_nothing"
    last = 0

    async def put(self, queue, *, now, **more):
        if now < self.last:
            raise rules.relay_full()
        self.last = now
        await super().put(queue, now=now, **more)


class CountsWhatIsGone(FaultyStore):
    """Counts what was acknowledged as if it were still there."""

    caught_by = "test_a_full_store_refuses_and_serves_what_it_has"
    gone = 0

    async def acknowledge(self, queue, **more):
        before = super().totals.octets
        await super().acknowledge(queue, **more)
        self.gone += before - super().totals.octets

    @property
    def totals(self):
        return replace(super().totals, octets=super().totals.octets + self.gone)


class BoundsNoCards(FaultyStore):
    """Takes cards although there is no room."""

    caught_by = "test_a_full_store_refuses_and_serves_what_it_has"

    async def publish(self, queue, **more):
        limits, self._limits = self._limits, replace(self._limits, octets=2**40)
        try:
            return await super().publish(queue, **more)
        finally:
            self._limits = limits


class HasHoursForEveryQueue(FaultyStore):
    """Bounds what is put into any queue within an hour."""

    caught_by = "test_a_queue_has_no_hourly_number"

    async def put(self, queue, *, now, **more):
        await super().put(queue, now=now, **more)
        if self._queues[queue].puts > self.limits.inbox_puts_per_hour:
            raise rules.inbox_busy(now)


class UsesUpInvitationsForNothing(FaultyStore):
    """Uses an invitation up by a creation that it refuses."""

    caught_by = "test_a_creation_that_is_refused_uses_up_no_invitation"

    async def create(self, queue, *, invitation=None, **more):
        try:
            await super().create(queue, invitation=invitation, **more)
        except Refused:
            if invitation in self._invitations:
                self._invitations[invitation] -= 1
            raise


# -- pools, subscribers, the operator


class ReplacesThePool(FaultyStore):
    """Throws the cards away that are there when some are published."""

    caught_by = "test_what_is_published_is_added_to_what_is_there"

    async def publish(self, queue, *, receive, **more):
        self._own(queue, receive).cards.clear()
        return await super().publish(queue, receive=receive, **more)


class TakesTokensOfOthers(FaultyStore):
    """Takes a token of another queue."""

    caught_by = "test_a_token_is_good_at_its_queue_and_used_up_by_an_ordinary_card"

    async def claim(self, queue, *, token, **more):
        if any(token in each.tokens for each in self._queues.values()):
            self._queues[queue].tokens.add(token)
        return await super().claim(queue, token=token, **more)


class KeepsTokensOfRefusals(FaultyStore):
    """Keeps the tokens of a publication that it refuses."""

    caught_by = "test_a_token_of_a_refused_publication_is_not_good"

    async def publish(self, queue, *, receive, tokens, **more):
        self._own(queue, receive).tokens.update(tokens[: self.limits.tokens])
        return await super().publish(queue, receive=receive, tokens=tokens, **more)


class TellsOfRefusals(FaultyStore):
    """Tells a subscriber of an envelope before it knows whether it is stored."""

    caught_by = "test_a_subscriber_hears_of_nothing_that_was_refused"

    async def put(self, queue, *, envelope_id, envelope, **more):
        found = self._queues[queue]
        if envelope_id not in found.envelopes:
            self._subscribers.tell([Put(queue, found.next, envelope)])
        subscriber = self._subscribers._by_queue.pop(queue, None)
        try:
            await super().put(queue, envelope_id=envelope_id, envelope=envelope, **more)
        finally:
            if subscriber is not None:
                self._subscribers._by_queue[queue] = subscriber


class HeedsDraining(FaultyStore):
    """Refuses what is put while the operator wants nothing new, which is for the relay to do."""

    caught_by = "test_draining_is_kept_and_not_heeded"

    async def put(self, queue, **more):
        if self.draining:
            raise rules.relay_full()
        await super().put(queue, **more)


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


# -- more of blobs


class ReadsBlobsWithoutEnd(FaultyStore):
    """Reads what comes of a blob to its end, however much more it is than was said."""

    caught_by = "test_no_more_is_read_than_was_said"

    async def put_blob(self, queue, *, octets, **more):
        came = bytearray()
        async for piece in octets:
            came += piece
        return await super().put_blob(queue, octets=_again(came), **more)


class TakesBlobsOver(FaultyStore):
    """Gives a blob to whoever puts it last."""

    caught_by = "test_a_blob_stays_the_queues_that_put_it_first"

    def _is_there(self, queue, blob, delete, **more):
        there = super()._is_there(queue, blob, delete, **more)
        if there:
            self._blobs[blob].queue = queue
        return there


FAULTS = list(FaultyStore.__subclasses__())
