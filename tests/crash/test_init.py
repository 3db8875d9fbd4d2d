"""`balchat init` that dies anywhere leaves a whole account, or none and can be run again."""

from __future__ import annotations

from itertools import count
from signal import SIGKILL
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.people import Person

    Newcomer = Callable[[], Person]
    DieAt = Callable[[Person, str, int], None]


def begin(somebody: Person) -> bool:
    """Run `balchat init`; say whether it lived."""
    said = somebody.balchat("init", "--name", somebody.name, "--json", unlock=True)
    assert said.code in (0, -SIGKILL), said.err
    return said.code == 0


def require_account(somebody: Person) -> None:
    """Check that there is an account that works."""
    assert somebody.ask("contacts", "list", unlock=True) == []
    assert somebody.ask("code", unlock=True)[0]["code"].endswith(f"?name={somebody.name}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_death_anywhere_in_init(newcomer: Newcomer, die_at: DieAt) -> None:
    had_account: list[bool] = []
    for at in count(1):
        alice = newcomer()
        die_at(alice, "touching", at)
        if begin(alice):
            break
        die_at(alice, "touching", 0)
        again = alice.balchat("init", "--name", alice.name, "--json", unlock=True)
        assert again.code == 0 or again.error["code"] == "account-exists", again.err
        had_account.append(again.code != 0)
        require_account(alice)
    # First it dies before the vault has its name, from then on after it.
    assert had_account == sorted(had_account)
    assert set(had_account) == {False, True}


@pytest.mark.parametrize(("when", "has_account"), [("before", False), ("after", True)])
def test_a_death_at_the_commit_of_a_new_account(
    newcomer: Newcomer, die_at: DieAt, when: str, has_account: bool
) -> None:
    alice = newcomer()
    die_at(alice, when, 1)
    assert not begin(alice)
    die_at(alice, when, 0)
    again = alice.balchat("init", "--name", alice.name, "--json", unlock=True)
    assert (again.code != 0) == has_account
    require_account(alice)
