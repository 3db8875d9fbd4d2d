"""The conformance kit for crypto engines: subclass `CryptoKit`, give it an engine, and get the suite.

    class TestPigeonEngine(CryptoKit):
        @pytest.fixture
        def engine(self):
            return PigeonEngine()

Every test looks from outside: at what the engine gives and raises, and at the area that it was handed. The areas are
dictionaries, so that they can be compared, and put back as an older copy of a disk would be.

No engine makes a Commit once a group is founded, so what one that arrives does is left to the engine's own tests.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import pytest

from balchat_host.api.crypto import ApplicationMessage, CryptoEngine, MembershipChange
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, VaultRolledBack
from balchat_host.api.types import PeerId
from balchat_host.testing.dict_area import DictArea

NOW: Final = 1_800_000_000
HOUR: Final = 3600
GROUP: Final = b"group"


@dataclass(slots=True)
class CryptoAccount:
    """An account: an engine, and the area that is handed to it."""

    engine: CryptoEngine
    area: DictArea = field(default_factory=DictArea)
    peer: PeerId = field(init=False)

    def __post_init__(self) -> None:
        self.peer = self.engine.create_identity(self.area, now=NOW)

    def key_package(self, *, lifetime: int = HOUR) -> bytes:
        """Make a key package."""
        return self.engine.key_package(self.area, lifetime=lifetime, now=NOW)

    def found(self, *others: "CryptoAccount", group_id: bytes = GROUP) -> bytes:
        """Found a group with others; return the Welcome."""
        packages = [(other.peer, other.key_package()) for other in others]
        return self.engine.found(self.area, group_id, packages, now=NOW).welcome

    def join(self, welcome: bytes) -> bytes:
        """Join a group."""
        return self.engine.join(self.area, welcome, now=NOW, max_members=3)

    def encrypt(self, data: bytes, group_id: bytes = GROUP) -> bytes:
        """Encrypt a message."""
        return self.engine.encrypt(self.area, group_id, data)

    def process(self, message: bytes) -> ApplicationMessage | MembershipChange:
        """Take a message."""
        return self.engine.process(self.area, message, now=NOW)

    def read(self, message: bytes) -> bytes:
        """Give what an application message says."""
        processed = self.process(message)
        assert isinstance(processed, ApplicationMessage)
        return processed.data


Pair = tuple[CryptoAccount, CryptoAccount]


class CryptoKit:
    """What every engine must do. Subclasses give an `engine` fixture."""

    @pytest.fixture
    def account(self, engine: CryptoEngine) -> Callable[[], CryptoAccount]:
        """Make accounts."""
        return lambda: CryptoAccount(engine)

    @pytest.fixture
    def pair(self, account: Callable[[], CryptoAccount]) -> Pair:
        """Two accounts in one group."""
        alice, bob = account(), account()
        assert bob.join(alice.found(bob)) == GROUP
        return alice, bob

    # -- the account

    def test_an_identity_is_made_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        assert alice.peer != account().peer
        with pytest.raises(BadInput):
            alice.engine.create_identity(alice.area, now=NOW)

    def test_the_seed_stays_hidden(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        seed = alice.engine.identity_seed(alice.area)
        assert len(seed.reveal()) == 32  # noqa: PLR2004  # RFC 8032
        assert seed.reveal().hex() not in repr(seed)

    def test_a_signature_counts_for_one_use(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        engine = alice.engine
        signature = engine.sign(alice.area, domain="one", message=b"m")
        engine.verify(alice.peer, domain="one", message=b"m", signature=signature)
        for peer, domain, message in ((bob.peer, "one", b"m"), (alice.peer, "two", b"m"), (alice.peer, "one", b"n")):
            with pytest.raises(BadCredential):
                engine.verify(peer, domain=domain, message=message, signature=signature)
        for domain in ("", "a\0b", "ä"):
            with pytest.raises(BadInput):
                engine.sign(alice.area, domain=domain, message=b"m")

    # -- groups

    def test_a_conversation(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"hello")
        assert alice.engine.group_of(message) == GROUP
        expected = ApplicationMessage(group_id=GROUP, epoch=1, sender=alice.peer, data=b"hello")
        assert bob.process(message) == expected
        expected = ApplicationMessage(group_id=GROUP, epoch=1, sender=bob.peer, data=b"hi")
        assert alice.process(bob.encrypt(b"hi")) == expected
        members = [list(each.engine.members(each.area, GROUP)) for each in pair]
        assert members == [[alice.peer, bob.peer]] * 2

    def test_all_whom_a_group_is_founded_with_hear_each_other(self, account: Callable[[], CryptoAccount]) -> None:
        everybody = alice, bob, carol = account(), account(), account()
        welcome = alice.found(bob, carol)
        # Who founded it need not wait until the others have joined.
        early = alice.encrypt(b"early")
        for each in (bob, carol):
            each.join(welcome)
            assert each.read(early) == b"early"
        for sender in everybody:
            assert list(sender.engine.members(sender.area, GROUP)) == [alice.peer, bob.peer, carol.peer]
            message = sender.encrypt(b"hello")
            expected = ApplicationMessage(group_id=GROUP, epoch=1, sender=sender.peer, data=b"hello")
            assert [each.process(message) for each in everybody if each is not sender] == [expected] * 2

    def test_messages_out_of_order(self, pair: Pair) -> None:
        alice, bob = pair
        messages = [(b"%d" % number, alice.encrypt(b"%d" % number)) for number in range(20)]
        for data, message in reversed(messages):
            assert bob.read(message) == data

    def test_groups_do_not_mix(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        engine, area = alice.engine, alice.area
        for group_id in (b"", b"a", b"ab", b"\x01a"):
            assert bob.join(alice.found(bob, group_id=group_id)) == group_id
        assert set(engine.groups(area)) == {b"", b"a", b"ab", b"\x01a"}
        for _ in range(2):
            engine.delete_group(area, b"a")
        assert set(engine.groups(area)) == {b"", b"ab", b"\x01a"}
        for absent in (b"a", b"x"):
            with pytest.raises(BadInput):
                engine.encrypt(area, absent, b"x")
        assert bob.read(alice.encrypt(b"x", b"ab")) == b"x"

    def test_what_cannot_be_founded(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        before = dict(alice.area.rows)
        with pytest.raises(BadInput):
            alice.found(account())
        with pytest.raises(BadInput):
            alice.found(group_id=b"of nobody")
        assert alice.area.rows == before
        assert bob.read(alice.encrypt(b"x")) == b"x"

    def test_all_groups_and_key_packages_are_forgotten_at_once_and_the_identity_stays(
        self, account: Callable[[], CryptoAccount], pair: Pair
    ) -> None:
        alice, bob = pair
        alice.found(bob, group_id=b"another")
        message = bob.encrypt(b"x")
        carol = account()
        welcome = carol.found(alice, group_id=b"carol's")
        alice.engine.forget_all(alice.area)
        assert alice.engine.groups(alice.area) == []
        for refused in (lambda: alice.process(message), lambda: alice.join(welcome)):
            with pytest.raises(CryptoRejected):
                refused()
        with pytest.raises(BadInput):
            alice.encrypt(b"x")
        alice.join(carol.found(alice, group_id=b"later"))
        processed = carol.process(alice.encrypt(b"again", b"later"))
        assert processed == ApplicationMessage(group_id=b"later", epoch=1, sender=alice.peer, data=b"again")

    # -- what is refused

    def test_what_is_refused_changes_nothing(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        bob.process(message)
        stranger = account()
        stranger.found(account(), group_id=b"elsewhere")
        elsewhere = stranger.encrypt(b"x", b"elsewhere")
        before = dict(bob.area.rows)
        for refused in (b"", b"garbage", message, message[:-1], elsewhere):
            with pytest.raises(CryptoRejected):
                bob.process(refused)
            with pytest.raises(CryptoRejected):
                bob.join(refused)
        assert bob.area.rows == before

    def test_only_a_private_message_names_its_group(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        carol = account()
        welcome = alice.found(carol, group_id=b"carol's")
        message = alice.encrypt(b"x")
        # Its header is enough: what follows costs nothing.
        for longer in (message, message[:-1], message + bytes(1 << 20)):
            assert alice.engine.group_of(longer) == GROUP
        before = dict(bob.area.rows)
        for other in (b"", b"garbage", welcome, carol.key_package(), bytes(1 << 20), message[:5]):
            with pytest.raises(CryptoRejected):
                bob.engine.group_of(other)
            with pytest.raises(CryptoRejected):
                bob.process(other)
        assert bob.area.rows == before

    def test_a_group_of_more_members_than_allowed(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        welcome = alice.found(bob, carol)
        before = dict(carol.area.rows)
        with pytest.raises(CryptoRejected):
            carol.engine.join(carol.area, welcome, now=NOW, max_members=2)
        assert carol.area.rows == before
        assert carol.engine.join(carol.area, welcome, now=NOW, max_members=3) == GROUP

    @pytest.mark.parametrize("clock", [0, NOW - 10**9, NOW + 10**9])
    def test_what_was_received_is_right_by_any_clock(self, account: Callable[[], CryptoAccount], clock: int) -> None:
        alice, bob = account(), account()
        welcome, message = alice.found(bob), alice.encrypt(b"x")
        assert bob.engine.join(bob.area, welcome, now=clock, max_members=2) == GROUP
        assert isinstance(bob.engine.process(bob.area, message, now=clock), ApplicationMessage)

    def test_a_forgery_uses_up_no_key(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"the real one")
        for at in range(0, len(message), 7):
            forged = bytearray(message)
            forged[at] ^= 1
            with pytest.raises(CryptoRejected):
                bob.process(bytes(forged))
        assert bob.read(message) == b"the real one"

    def test_a_welcome_counts_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        welcome = alice.found(bob)
        bob.join(welcome)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)
        bob.engine.delete_group(bob.area, GROUP)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)

    def test_a_welcome_to_a_group_that_is_here(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        welcome = account().found(bob)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)
        assert bob.read(alice.encrypt(b"x")) == b"x"

    def test_a_key_package_of_last_resort_answers_any_number_of_times(
        self, account: Callable[[], CryptoAccount]
    ) -> None:
        bob = account()
        package = bob.engine.key_package(bob.area, lifetime=HOUR, now=NOW, last_resort=True)
        for number in range(3):
            stranger, group_id = account(), bytes([number]) * 16
            invitation = stranger.engine.found(stranger.area, group_id, [(bob.peer, package)], now=NOW)
            assert bob.engine.join(bob.area, invitation.welcome, now=NOW, max_members=2) == group_id
        bob.engine.forget_key_package(bob.area, package)
        stranger = account()
        invitation = stranger.engine.found(stranger.area, GROUP, [(bob.peer, package)], now=NOW)
        with pytest.raises(CryptoRejected):
            bob.engine.join(bob.area, invitation.welcome, now=NOW, max_members=2)

    def test_an_invitation_says_until_when_all_can_use_it(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        packages = [(bob.peer, bob.key_package(lifetime=2 * HOUR)), (carol.peer, carol.key_package(lifetime=HOUR))]
        assert alice.engine.found(alice.area, GROUP, packages, now=NOW).not_after == NOW + HOUR

    def test_a_forgotten_key_package(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        package = bob.key_package()
        bob.engine.forget_key_package(bob.area, package)
        invitation = alice.engine.found(alice.area, GROUP, [(bob.peer, package)], now=NOW)
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcome)

    def test_a_key_package_that_is_not_right(self, account: Callable[[], CryptoAccount]) -> None:
        alice, carol, mallory = account(), account(), account()
        found = alice.engine.found
        before = dict(alice.area.rows)
        with pytest.raises(BadCredential):
            found(alice.area, GROUP, [(carol.peer, mallory.key_package())], now=NOW)
        with pytest.raises(CryptoRejected):
            found(alice.area, GROUP, [(carol.peer, b"garbage")], now=NOW)
        with pytest.raises(CryptoRejected):
            found(alice.area, GROUP, [(carol.peer, carol.key_package())], now=NOW + 2 * HOUR)
        assert alice.area.rows == before

    # -- the disk

    def test_a_transaction_that_is_rolled_back_takes_the_engine_along(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        before = dict(bob.area.rows)
        bob.process(message)
        bob.area.rows = dict(before)
        assert bob.read(message) == b"x"

    def test_a_row_put_back_is_noticed(self, pair: Pair) -> None:
        alice, bob = pair
        old = dict(alice.area.rows)
        for number in range(3):
            bob.read(alice.encrypt(b"%d" % number))
        new = dict(alice.area.rows)
        changed = [key for key in new if key in old and new[key] != old[key]]
        assert changed
        for key in changed:
            # Were they all put back, nothing within could tell.
            if len(changed) > 1:
                alice.area.rows = new | {key: old[key]}
                with pytest.raises(VaultRolledBack):
                    alice.encrypt(b"with used keys")
