"""Errors cross the socket as themselves, and tell nothing that they should not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from balchat_host.api.errors import BalchatError, InternalError, NoSuchConversation, TimedOut, type_registry

if TYPE_CHECKING:
    from balchat_host.api.frontend import App
    from balchat_host.testing.memory_account import MemoryAccount
    from conftest import Script

pytestmark = pytest.mark.anyio

SECRET = "correct horse battery staple"


async def test_every_error_comes_out_as_itself(account: MemoryAccount, remote: App) -> None:
    for code, kind in type_registry.items():
        thrown = kind(name="Zoe", problem="it is late", seconds=8)
        account.fail_next("account.code", thrown)
        with pytest.raises(BalchatError) as raised:
            await remote.account.code()
        assert type(raised.value) is kind
        assert raised.value.fields == thrown.fields | {"code": code}
        assert str(raised.value) == str(kind(**raised.value.fields))


async def test_the_number_says_whose_fault_it_is(account: MemoryAccount, script: Script) -> None:
    numbers = {"no-such-conversation": -32001, "protocol-violation": -32002, "timed-out": -32003, "internal": -32603}
    for code, number in numbers.items():
        account.fail_next("account.code", type_registry[code](name="Zoe", problem="it is late", seconds=8))
        error = await script.ask("account.code")
        assert (error["code"], error["data"]["code"]) == (number, code)


async def test_the_message_is_for_a_person(script: Script) -> None:
    error = await script.ask("messages.history", conversation="Zoe")
    assert error == {
        "code": -32001,
        "message": str(NoSuchConversation(name="Zoe")),
        "data": {"code": "no-such-conversation", "fields": {"name": "Zoe"}},
    }


async def test_any_other_exception_tells_only_its_kind(
    account: MemoryAccount, remote: App, caplog: pytest.LogCaptureFixture
) -> None:
    account.fail_next("account.code", ValueError(SECRET))
    with caplog.at_level(logging.DEBUG), pytest.raises(InternalError) as raised:
        await remote.account.code()
    assert raised.value.fields == {"kind": "ValueError", "code": "internal"}
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text
    await remote.account.code()


async def test_an_error_with_odd_fields_still_gets_across(account: MemoryAccount, remote: App) -> None:
    odd = {"seconds": 2**70, "what": "\udcff", "name": None, "limit": 1.5, "size": True}
    account.fail_next("account.code", TimedOut(**odd))  # pyright: ignore[reportArgumentType]  # what a careless caller gives
    with pytest.raises(TimedOut) as raised:
        await remote.account.code()
    expected = {"seconds": str(2**70), "what": "?", "name": "None", "limit": "1.5", "size": "True"}
    assert raised.value.fields == expected | {"code": "timed-out"}
