"""Each fault that is planted in a way to an account is caught by the test of the kit that is named for it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.app_kit import AppKit, TestedAccount
from balchat_host.testing.app_pair_kit import AppPairKit
from balchat_host.testing.app_relay_kit import AppRelayKit, DirectOnlyAppKit
from balchat_host.testing.memory_account import MemoryAccount
from tests.kits.app_faults import DIRECT_FAULTS, FAULTS, PAIR_FAULTS, RELAY_FAULTS
from tests.kits.app_faults.faulty_app import FaultyApp, FaultyDirect, FaultyPair, FaultyRelays
from tests.kits.app_faults.leak_faults import left
from tests.kits.catching import assert_caught, caught

if TYPE_CHECKING:
    from collections.abc import Iterator

KITS = {FaultyRelays: AppRelayKit, FaultyDirect: DirectOnlyAppKit, FaultyPair: AppPairKit, FaultyApp: AppKit}
ALL = [*FAULTS, *PAIR_FAULTS, *RELAY_FAULTS, *DIRECT_FAULTS]


def base_of(fault: type[FaultyApp]) -> type[FaultyApp]:
    """Return what a fault is planted in."""
    return next(base for base in KITS if issubclass(fault, base))


SOUND = [
    *((base, name, False) for base, kit in KITS.items() for name in dir(kit) if name.startswith("test_")),
    *dict.fromkeys((base_of(fault), fault.caught_by, True) for fault in ALL if fault.audited),
]


@pytest.mark.parametrize("base", KITS)
def test_each_test_of_a_kit_has_its_fault(base: type[FaultyApp]) -> None:
    named = {fault.caught_by for fault in ALL if base_of(fault) is base}
    assert {name for name in dir(KITS[base]) if name.startswith("test_")} == named


def given(fault: type[FaultyApp], folder: Path) -> dict[str, object]:
    """Return what the kit's tests ask for, with a fault."""
    account = MemoryAccount("Alice", has_relays=not issubclass(fault, FaultyDirect))
    alice = in_its_way(account, fault)
    fixtures: dict[str, object] = {"app": alice.app, "alice": alice, "tmp_path": folder}
    if issubclass(fault, FaultyPair):
        other = MemoryAccount("Bob", account.world)
        account.world.set_online(account, other, online=True)
        fixtures["bob"] = in_its_way(other, fault)
    return fixtures


def in_its_way(account: MemoryAccount, fault: type[FaultyApp]) -> TestedAccount:
    """Return an account with a fault in its way."""
    app = fault(account.app)
    return TestedAccount(app=app, passphrase=account.passphrase, recovery_code=account.recovery_code)


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    os.environ.pop("BALCHAT_APP", None)
    for each in left:
        match each:
            case threading.Event():
                each.set()
            case Path():
                each.unlink(missing_ok=True)
            case _:
                each.close()  # an open file
    left.clear()


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyApp], tmp_path: Path) -> None:
    assert_caught(KITS[base_of(fault)], fault, lambda: given(fault, tmp_path))


@pytest.mark.parametrize(("base", "name", "audited"), SOUND)
def test_without_a_fault_nothing_is_caught(base: type[FaultyApp], name: str, audited: bool, tmp_path: Path) -> None:
    sound = type("Sound", (base,), {"caught_by": name, "audited": audited})
    assert caught(KITS[base], sound, lambda: given(sound, tmp_path)) == []
