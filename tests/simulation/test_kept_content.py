"""Every message is kept as its author wrote it, octet by octet, so that a later version can act on all of it."""

import pytest
from balchat_common import cbor
from balchat_crypto_mls.engine import MlsEngine

from balchat_host.api.transport import Verdict
from balchat_host.core import contacts, inbox
from balchat_host.core.delivery import outgoing
from balchat_host.core.envelope import Envelope, Kind
from balchat_host.core.eras import keeping
from balchat_host.core.unit_of_work import UnitOfWork
from tests.support.simulator import Account, World

FIRST = b"\x01" + bytes(31)
TEXT = [1, "", 1, "text/plain;charset=utf-8", b"hello"]


@pytest.fixture
def pair() -> tuple[Account, Account]:
    """Return Alice and Bob, who are contacts."""
    world = World(1, MlsEngine())
    alice, bob = world.account("Alice"), world.account("Bob")
    alice.add(bob)
    world.heal(alice, bob)
    bob.accept(alice)
    world.heal(alice, bob)
    return alice, bob


def say(author: Account, reader: Account, content: bytes) -> Verdict:
    """Have an author say these octets to a reader."""

    def make(unit: UnitOfWork) -> bytes:
        era = keeping.sending(unit.tx, contacts.find(unit.tx, reader.name).conversation)
        assert era is not None
        return keeping.encrypt(unit, era, content)

    envelope = Envelope(kind=Kind.MLS_MESSAGE, payload=author.change(make)).encode()
    return reader.change(lambda unit: inbox.receive(unit, author.peer, [envelope])[0]).verdict


def kept(reader: Account) -> list[bytes]:
    return [
        row[0]
        for row in reader.read(lambda tx: tx.query("SELECT content FROM message UNION ALL SELECT content FROM version"))
    ]


@pytest.mark.parametrize(
    "item",
    [
        pytest.param([bytes(16), FIRST, b"", None, None, {}, TEXT], id="an edit"),
        pytest.param([bytes(16), None, b"", [True, 3600], None, {}, TEXT], id="a text that expires"),
        pytest.param([bytes(16), None, b"", None, None, {}, [99, "", *TEXT[2:]]], id="an unknown disposition"),
        pytest.param([bytes(16), None, b"topic", None, None, {}, TEXT], id="a text of a topic"),
        pytest.param([bytes(16), None, b"", None, None, {"new": [1, {2: "3"}]}, TEXT], id="an unknown extension"),
        pytest.param([bytes(16), None, b"", None, None, {}, [1, "de", 3, 0, [TEXT, TEXT]]], id="many parts"),
    ],
)
def test_a_message_comes_back_whole(pair: tuple[Account, Account], item: list[object]) -> None:
    alice, bob = pair
    content = cbor.encode(item)
    assert say(bob, alice, content) is Verdict.COMMITTED
    assert kept(alice) == [content]


def test_what_we_wrote_is_kept_as_it_went_out(pair: tuple[Account, Account]) -> None:
    alice, bob = pair
    alice.write(bob, "hello")
    found = alice.read(lambda tx: outgoing.pending(tx, bob.peer, after=0, now=2**62, limit=9))
    bob.change(lambda unit: inbox.receive(unit, alice.peer, [each.envelope for each in found.outgoing]))
    assert kept(alice) == kept(bob) != []
