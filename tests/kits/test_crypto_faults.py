"""Each fault that is planted in a crypto engine is caught by the test of the kit that is named for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from balchat_host.testing.crypto_kit import GROUP, CryptoAccount, CryptoKit
from tests.kits.catching import assert_caught, caught
from tests.kits.crypto_faults import FAULTS, FaultyEngine

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    for path in FaultyEngine.ended:
        path.unlink(missing_ok=True)
    FaultyEngine.ended.clear()


class Fixtures(dict[str, object]):
    """The fixtures of the kit. Accounts are made when a test asks, so that the audit sees it."""

    def __init__(self, fault: type[FaultyEngine]) -> None:
        super().__init__(engine=fault(), account=self.account, pair=None)

    def account(self) -> CryptoAccount:
        return CryptoAccount(self["engine"])

    def __getitem__(self, name: str):
        return self.pair() if name == "pair" else super().__getitem__(name)

    def pair(self) -> tuple[CryptoAccount, CryptoAccount]:
        alice, bob = self.account(), self.account()
        assert bob.join(alice.found(bob)).group_id == GROUP
        return alice, bob


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_by_the_test_that_is_named_for_it(fault: type[FaultyEngine]) -> None:
    assert_caught(CryptoKit, fault, lambda: Fixtures(fault))


@pytest.mark.parametrize("name", sorted({fault.caught_by for fault in FAULTS}))
def test_without_a_fault_nothing_is_caught(name: str) -> None:
    sound = type("Sound", (FaultyEngine,), {"caught_by": name})
    assert caught(CryptoKit, sound, lambda: Fixtures(sound)) == []
