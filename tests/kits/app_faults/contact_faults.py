"""Faults of ways to an account: contacts, and their names."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from balchat_host.api.errors import (
    BadInput,
    ContactBlocked,
    NameTaken,
    NoSuchContact,
    NoSuchConversation,
    SafetyNumberDiffers,
)
from tests.kits.app_faults.faulty_app import FaultyApp

IN_CODE = "test_without_a_name_the_one_in_the_code_is_taken"
ADDRESS = "test_a_name_never_stands_for_an_address"
KNOWN = "test_all_that_is_known_of_a_contact_is_shown"
RENEWED = "test_keys_are_renewed_with_those_whom_we_can_write_to"
REFUSED = "test_a_contact_that_cannot_be_is_refused_and_nothing_changes"


class ListsContactsAsTheyCame(FaultyApp):
    """Lists contacts in the order in which they were added."""

    caught_by = "test_contacts_come_by_name"

    async def contacts_add(self, call, *given, **named):
        added = await call(*given, **named)
        self.kept[added.peer_id] = len(self.kept)
        return added

    async def contacts_list(self, call):
        return sorted(await call(), key=lambda each: self.kept[each.peer_id])


class KnowsNamesExactly(FaultyApp):
    """Knows a contact only by its name as it is written."""

    caught_by = "test_a_contact_is_called_by_name_address_code_or_peer_id_in_any_case"

    async def contacts_get(self, call, contact):
        found = await call(contact)
        if contact.casefold() == found.name.casefold() and contact != found.name:
            raise NoSuchContact(name=contact)
        return found


class GivesAnotherName(FaultyApp):
    """Gives another name to a contact whose name is taken."""

    caught_by = REFUSED

    async def contacts_add(self, call, code, name=None, introduction=""):
        try:
            return await call(code, name, introduction)
        except NameTaken:
            return await call(code, f"{name} 2", introduction)


class CutsLongNames(FaultyApp):
    """Cuts a name that is too long instead of refusing it."""

    caught_by = REFUSED

    async def contacts_add(self, call, code, name=None, introduction=""):
        return await call(code, None if name is None else name[:40], introduction)


class SaysBadInputOfTakenNames(FaultyApp):
    """Raises another error than the contract has for a name that is taken."""

    caught_by = "test_renaming"

    async def contacts_rename(self, call, *given):
        try:
            return await call(*given)
        except NameTaken as error:
            raise BadInput(what="The name", problem="it is taken") from error


class RenamesInItsViewOnly(FaultyApp):
    """Says that a contact is renamed, and leaves its name."""

    caught_by = "test_renaming"

    async def contacts_rename(self, call, contact, name):
        return replace(await self._app.contacts.get(contact), name=name)


class VerifiesAnyNumber(FaultyApp):
    """Takes any safety number for the right one."""

    caught_by = "test_only_the_right_safety_number_verifies"

    async def contacts_verify(self, call, contact, safety_number):
        try:
            return await call(contact, safety_number)
        except SafetyNumberDiffers:
            return await self._app.contacts.get(contact)


class VerifiesTheBeginning(FaultyApp):
    """Takes the beginning of a safety number for all of it."""

    caught_by = "test_only_the_right_safety_number_verifies"

    async def contacts_verify(self, call, contact, safety_number):
        right = "".join(filter(str.isdigit, (await self._app.contacts.safety_number(contact)).safety_number))
        return await call(contact, right if safety_number and right.startswith(safety_number) else safety_number)


class WritesToWhoIsBlocked(FaultyApp):
    """Writes to a contact that is blocked."""

    caught_by = "test_blocking_keeps_us_from_writing_until_unblocked"

    async def messages_send(self, call, conversation, *given, **named):
        try:
            return await call(conversation, *given, **named)
        except ContactBlocked:
            await self._app.contacts.unblock(conversation)
            sent = await call(conversation, *given, **named)
            await self._app.contacts.block(conversation)
            return sent


class KeepsMessagesOfWhoIsGone(FaultyApp):
    """Shows messages of a contact that was removed, which it remembers."""

    caught_by = "test_a_removed_contact_leaves_nothing"

    async def messages_send(self, call, *given, **named):
        sent = await call(*given, **named)
        self.kept[sent.id] = sent
        return sent

    async def messages_get(self, call, message):
        return self.kept[message] if message in self.kept else await call(message)


class NamesNobodyInErrors(FaultyApp):
    """Raises an error that does not say who is not there."""

    caught_by = "test_whoever_is_not_there_is_named_in_the_error"

    async def contacts_get(self, call, contact):
        try:
            return await call(contact)
        except NoSuchContact:
            raise NoSuchContact(name="somebody") from None


class EchoesWhatWasAsked(FaultyApp):
    """Says, with a safety number, how the contact was called, and not its name."""

    caught_by = "test_a_contact_is_called_by_its_name_onion_or_peer_id"

    async def contacts_safety_number(self, call, contact):
        return replace(await call(contact), contact=contact)


class PrefersTheNameInTheCode(FaultyApp):
    """Takes the name in a code, although another one is given."""

    caught_by = IN_CODE

    async def contacts_add(self, call, code, name=None, introduction=""):
        return await call(code, None if "?name=" in code else name, introduction)


class ShowsNamesEncoded(FaultyApp):
    """Shows the name in a code as it is encoded there."""

    caught_by = IN_CODE

    async def contacts_add(self, call, code, name=None, introduction=""):
        added = await call(code, name, introduction)
        return replace(added, name=code.partition("?name=")[2]) if "%" in code else added


class ShowsAnAddressAsAName(FaultyApp):
    """Shows the name in a code, although it is an address."""

    caught_by = ADDRESS

    async def contacts_add(self, call, code, name=None, introduction=""):
        added = await call(code, name, introduction)
        return replace(added, name=code.partition("?name=")[2]) if name is None and "?name=" in code else added


class RenamesToAnAddress(FaultyApp):
    """Says that a contact is called by an address now."""

    caught_by = ADDRESS

    async def contacts_rename(self, call, contact, name):
        try:
            return await call(contact, name)
        except BadInput:
            if not name:
                raise
            return replace(await self._app.contacts.get(contact), name=name)


class AddsWhoIsWrittenTo(FaultyApp):
    """Adds whoever is written to by an address that nobody has added."""

    caught_by = ADDRESS

    async def messages_send(self, call, conversation, *given, **named):
        try:
            return await call(conversation, *given, **named)
        except NoSuchConversation:
            if not conversation.endswith(".onion"):
                raise
            return await call((await self._app.contacts.add(conversation)).name, *given, **named)


class GivesListsForTuples(FaultyApp):
    """Gives lists, as JSON has them, where the contract has tuples."""

    caught_by = KNOWN

    async def contacts_info(self, call, contact):
        known = await call(contact)
        return replace(known, devices=list(known.devices), alarms=list(known.alarms))


class ShowsWhatWasKnown(FaultyApp):
    """Shows what was known of a contact when that was asked for first."""

    caught_by = KNOWN

    async def contacts_info(self, call, contact):
        if contact not in self.kept:
            self.kept[contact] = await call(contact)
        return self.kept[contact]


class RenewsWithWhoHasNotAnswered(FaultyApp):
    """Says that keys are renewed with somebody who has not answered yet."""

    caught_by = RENEWED

    async def contacts_renew(self, call, contact):
        with suppress(BadInput):
            return await call(contact)
        return await self._app.contacts.get(contact)


class SaysBadInputOfWhoIsBlocked(FaultyApp):
    """Raises another error than the contract has for renewing keys with a contact that is blocked."""

    caught_by = RENEWED

    async def contacts_renew(self, call, contact):
        try:
            return await call(contact)
        except ContactBlocked as error:
            raise BadInput(what="The contact", problem="it is blocked") from error
