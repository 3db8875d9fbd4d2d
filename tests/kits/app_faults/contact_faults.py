"""Faults of ways to an account: contacts, and their names."""

from __future__ import annotations

from dataclasses import replace

from balchat_host.api.errors import BadInput, ContactBlocked, NameTaken, NoSuchContact, SafetyNumberDiffers
from tests.kits.app_faults.faulty_app import FaultyApp

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
