"""Contacts, and their names."""

from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import (
    AlreadyAContact,
    BadChatCode,
    BadInput,
    ContactBlocked,
    NameTaken,
    NoSuchContact,
    NoSuchConversation,
    NoSuchMessage,
    NoSuchRequest,
    OwnChatCode,
    SafetyNumberDiffers,
)
from balchat_host.api.events import ContactChanged, ContactRemoved
from balchat_host.api.frontend import MAX_INTRODUCTION_SIZE, MAX_NAME_LENGTH, App
from balchat_host.testing.app_kit.accounts import AppKitBase, nobody, take

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@pytest.mark.anyio
class ContactTests(AppKitBase):
    """Contacts, and their names."""

    async def test_a_contact_is_called_by_its_name_onion_or_peer_id(self, app: App) -> None:
        cursor = await app.events.cursor()
        added = await app.contacts.add(nobody().onion, "Bob", "It is me")
        assert (added.name, added.peer_id, added.onion) == ("Bob", nobody().octets.hex(), nobody().onion)
        assert (added.verified, added.blocked, added.unread) == (False, False, 0)
        assert await app.contacts.list() == [added]
        for name in (added.name, added.onion, added.peer_id):
            assert (await app.contacts.safety_number(name)).contact == "Bob"
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, ContactChanged)
        assert event.contact.peer_id == added.peer_id
        assert event.changed == ()

    async def test_without_a_name_the_one_in_the_code_is_taken(self, app: App) -> None:
        code = f"balchat:{nobody().onion.removesuffix('.onion')}?name=Bob"
        assert (await app.contacts.add(code)).name == "Bob"
        assert (
            await app.contacts.add(code.replace(nobody().onion[:56], nobody(2).onion[:56]), "Robert")
        ).name == "Robert"
        encoded = f"balchat:{nobody(3).onion.removesuffix('.onion')}?name=Stra%C3%9Fe%20%26%20Zoe"
        assert (await app.contacts.add(encoded)).name == "Stra\u00dfe & Zoe"

    async def test_contacts_come_by_name(self, app: App) -> None:
        for number, name in enumerate(("Zoe", "anna", "Bob"), start=1):
            await app.contacts.add(nobody(number).onion, name)
        assert [contact.name for contact in await app.contacts.list()] == ["anna", "Bob", "Zoe"]

    async def test_a_contact_that_cannot_be_is_refused_and_nothing_changes(self, app: App) -> None:
        ours = await app.account.code()
        await app.contacts.add(nobody().onion, "Bob")
        before, cursor = await app.contacts.list(), await app.events.cursor()
        with pytest.raises(BadChatCode):
            await app.contacts.add("balchat:nonsense")
        with pytest.raises(OwnChatCode):
            await app.contacts.add(ours.code)
        with pytest.raises(AlreadyAContact):
            await app.contacts.add(nobody().onion, "Robert")
        with pytest.raises(NameTaken):
            await app.contacts.add(nobody(2).onion, "Bob")
        with pytest.raises(BadInput):
            await app.contacts.add(nobody(2).onion, "x" * (MAX_NAME_LENGTH + 1))
        with pytest.raises(BadInput):
            await app.contacts.add(nobody(2).onion, "Zoe", "x" * (MAX_INTRODUCTION_SIZE + 1))
        assert (await app.contacts.list(), await app.events.cursor()) == (before, cursor)

    async def test_a_contact_is_called_by_name_address_code_or_peer_id_in_any_case(self, app: App) -> None:
        added = await app.contacts.add(nobody().onion, "Stra\u00dfe")
        bare = added.onion.removesuffix(".onion")
        for called in (
            "stra\u00dfe",
            " STRASSE ",
            added.onion,
            bare.upper(),
            f"balchat:{bare}?name=Bob",
            added.peer_id,
        ):
            assert await app.contacts.get(called) == added
        with pytest.raises(NameTaken):
            await app.contacts.add(nobody(2).onion, "Strasse")

    async def test_a_name_never_stands_for_an_address(self, app: App) -> None:
        address, digits = nobody(2).onion, nobody(2).octets.hex()
        for spelling in (address, address.upper(), digits, f"balchat:{address}", "\u200b".join(address[:56])):
            with pytest.raises(BadInput):
                await app.contacts.add(nobody().onion, spelling)
        added = await app.contacts.add(f"balchat:{nobody().onion[:56]}?name={address}")
        assert added.name == added.onion[: len(added.name)]
        with pytest.raises(BadInput):
            await app.contacts.rename(added.name, digits)
        with pytest.raises(NoSuchConversation):
            await app.messages.send(address, "hello")

    async def test_renaming(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        await app.contacts.add(nobody(2).onion, "Zoe")
        cursor = await app.events.cursor()
        assert (await app.contacts.rename("Bob", "Robert")).name == "Robert"
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, ContactChanged)
        assert (event.contact.name, event.changed) == ("Robert", ("name",))
        assert (await app.contacts.rename("Robert", "Robert")).name == "Robert"
        with pytest.raises(NoSuchContact):
            await app.contacts.rename("Bob", "Bert")
        with pytest.raises(NameTaken):
            await app.contacts.rename("Robert", "Zoe")
        with pytest.raises(BadInput):
            await app.contacts.rename("Robert", "")

    async def test_only_the_right_safety_number_verifies(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        shown = await app.contacts.safety_number("Bob")
        digits = "".join(filter(str.isdigit, shown.safety_number))
        assert (len(digits), shown.verified) == (60, False)
        wrong = digits[:-1] + str((int(digits[-1]) + 1) % 10)
        for number in (wrong, digits[:-1], ""):
            with pytest.raises(SafetyNumberDiffers):
                await app.contacts.verify("Bob", number)
        assert not (await app.contacts.safety_number("Bob")).verified
        assert (await app.contacts.verify("Bob", digits)).verified
        assert (await app.contacts.verify("Bob", shown.safety_number)).verified

    async def test_blocking_keeps_us_from_writing_until_unblocked(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        for _ in range(2):
            assert (await app.contacts.block("Bob")).blocked
        with pytest.raises(ContactBlocked):
            await app.messages.send("Bob", "hello")
        for _ in range(2):
            assert not (await app.contacts.unblock("Bob")).blocked
        await app.messages.send("Bob", "hello")

    async def test_all_that_is_known_of_a_contact_is_shown(self, app: App) -> None:
        added = await app.contacts.add(nobody().onion, "Bob")
        known = await app.contacts.info("Bob")
        assert known.contact == added
        assert (known.devices, known.alarms) == ((), ())
        renamed = await app.contacts.rename("Bob", "Robert")
        assert (await app.contacts.info("Robert")).contact == renamed
        blocked = await app.contacts.block("Robert")
        assert (await app.contacts.info("Robert")).contact == blocked

    async def test_keys_are_renewed_with_those_whom_we_can_write_to(self, app: App) -> None:
        await app.contacts.add(nobody().onion, "Bob")
        with pytest.raises(BadInput):
            await app.contacts.renew("Bob")
        await app.contacts.block("Bob")
        with pytest.raises(ContactBlocked):
            await app.contacts.renew("Bob")

    async def test_a_removed_contact_leaves_nothing(self, app: App) -> None:
        conversation = (await app.contacts.add(nobody().onion, "Bob")).conversation
        sent, cursor = await app.messages.send("Bob", "hello"), await app.events.cursor()
        await app.contacts.remove("Bob")
        assert await app.contacts.list() == []
        with pytest.raises(NoSuchConversation):
            await app.messages.history("Bob")
        with pytest.raises(NoSuchMessage):
            await app.messages.get(sent.id)
        (event,) = await take(app, cursor, 1)
        assert isinstance(event, ContactRemoved)
        assert (event.name, event.peer_id, event.conversation) == ("Bob", nobody().octets.hex(), conversation)

    async def test_whoever_is_not_there_is_named_in_the_error(self, app: App) -> None:
        asked: list[Callable[[], Awaitable[object]]] = [
            lambda: app.contacts.get("Zoe"),
            lambda: app.contacts.info("Zoe"),
            lambda: app.contacts.renew("Zoe"),
            lambda: app.contacts.safety_number("Zoe"),
            lambda: app.contacts.verify("Zoe", "1"),
            lambda: app.contacts.rename("Zoe", "Bob"),
            lambda: app.contacts.block("Zoe"),
            lambda: app.contacts.unblock("Zoe"),
            lambda: app.contacts.remove("Zoe"),
        ]
        for ask in asked:
            with pytest.raises(NoSuchContact) as raised:
                await ask()
            assert raised.value.fields["name"] == "Zoe"
        for method in (app.requests.accept, app.requests.reject, app.requests.block):
            with pytest.raises(NoSuchRequest) as raised:
                await method("Zoe")
            assert raised.value.fields["name"] == "Zoe"
