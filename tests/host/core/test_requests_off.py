"""While no requests are accepted, strangers are refused for a time, and contacts are answered as ever."""

from dataclasses import replace

import pytest
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Disposition, Verdict
from balchat_host.core import inbox
from balchat_host.core.envelope import Envelope, Kind
from tests.support.simulator import Account, World

ASKS = Envelope(kind=Kind.KEY_PACKAGE_REQUEST, payload=b"").encode()


@pytest.fixture
def two() -> tuple[Account, Account]:
    """Alice, and Bob, who asks her to become a contact and was handed a KeyPackage."""
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    assert gets(alice, bob, ASKS, accept=True).verdict is Verdict.COMMITTED
    return alice, bob


def gets(alice: Account, bob: Account, envelope: bytes, *, accept: bool) -> Disposition:
    def receive(unit) -> Disposition:
        unit.policy = replace(unit.policy, accept_requests=accept)
        return inbox.receive(unit, bob.peer, [envelope])[0]

    return alice.change(receive)


def test_a_stranger_is_refused_for_a_time_even_with_a_key_package_in_hand(two) -> None:
    alice, bob = two
    answer = gets(alice, bob, ASKS, accept=False)
    assert (answer.verdict, answer.replies) == (Verdict.REFUSED, ())
    assert answer.retry_after is not None
    assert gets(alice, bob, ASKS, accept=True).verdict is Verdict.COMMITTED


def test_a_contact_is_answered(two) -> None:
    alice, bob = two
    alice.add(bob)
    answer = gets(alice, bob, ASKS, accept=False)
    assert answer.verdict is Verdict.COMMITTED
    assert len(answer.replies) == 1


def test_a_stranger_s_contact_request_is_refused_for_a_time(two) -> None:
    alice, bob = two
    rubbish = Envelope(kind=Kind.CONTACT_REQUEST, payload=b"whatever it is").encode()
    assert gets(alice, bob, rubbish, accept=False).retry_after is not None
    assert gets(alice, bob, rubbish, accept=True).retry_after is None
