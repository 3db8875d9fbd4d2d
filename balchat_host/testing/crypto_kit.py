"""The conformance kit for crypto engines: subclass `CryptoKit`, give it an engine, and get the suite.

    class TestPigeonEngine(CryptoKit):
        @pytest.fixture
        def engine(self):
            return PigeonEngine()

Every test looks from outside: at what the engine gives and raises, and at the area that it was handed. The areas are
dictionaries, so that they can be compared, and put back as an older copy of a disk would be.
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
PAST_EPOCHS: Final = 5


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

    def invite(self, *others: "CryptoAccount", group_id: bytes = GROUP) -> tuple[bytes, bytes]:
        """Add others and step to the new epoch; give the Commit and the Welcome."""
        packages = [(other.peer, other.key_package()) for other in others]
        invitation = self.engine.add(self.area, group_id, packages, now=NOW)
        self.engine.apply_pending_commit(self.area, group_id, now=NOW)
        return invitation.commit, invitation.welcome

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

    def update(self) -> bytes:
        """Step to an epoch with fresh keys; give the Commit."""
        commit = self.engine.update(self.area, GROUP, now=NOW)
        self.engine.apply_pending_commit(self.area, GROUP, now=NOW)
        return commit

    @property
    def authenticator(self) -> bytes:
        """What is equal for all who agree."""
        return self.engine.epoch_authenticator(self.area, GROUP)


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
        alice.engine.create_group(alice.area, GROUP, now=NOW)
        _, welcome = alice.invite(bob)
        assert bob.join(welcome) == GROUP
        return alice, bob

    # -- the account

    def test_an_identity_is_made_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        assert alice.engine.identity(alice.area) == alice.peer != account().peer
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
        assert alice.read(bob.encrypt(b"hi")) == b"hi"
        assert alice.authenticator == bob.authenticator
        members = [list(each.engine.members(each.area, GROUP)) for each in pair]
        assert members == [[alice.peer, bob.peer]] * 2
        exported = [
            each.engine.export_secret(each.area, GROUP, label="x", context=b"y", length=32).reveal() for each in pair
        ]
        assert exported[0] == exported[1]

    def test_messages_out_of_order(self, pair: Pair) -> None:
        alice, bob = pair
        messages = [(b"%d" % number, alice.encrypt(b"%d" % number)) for number in range(20)]
        for data, message in reversed(messages):
            assert bob.read(message) == data

    def test_members_come_and_go(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        carol = account()
        commit, welcome = bob.invite(carol)
        change = MembershipChange(group_id=GROUP, epoch=2, committer=bob.peer, added=(carol.peer,))
        assert alice.process(commit) == change
        carol.join(welcome)
        commit = alice.engine.remove(alice.area, GROUP, [bob.peer], now=NOW)
        alice.engine.apply_pending_commit(alice.area, GROUP, now=NOW)
        for each in (bob, carol):
            processed = each.process(commit)
            assert isinstance(processed, MembershipChange)
            assert processed.removed == (bob.peer,)
        assert list(carol.engine.members(carol.area, GROUP)) == [alice.peer, carol.peer]
        assert carol.authenticator == alice.authenticator
        with pytest.raises(BadInput):
            alice.engine.remove(alice.area, GROUP, [bob.peer], now=NOW)

    def test_a_commit_waits_until_it_is_applied(self, pair: Pair) -> None:
        alice, bob = pair
        before = alice.authenticator
        commit = alice.engine.update(alice.area, GROUP, now=NOW)
        assert alice.authenticator == before
        with pytest.raises(BadInput):
            alice.engine.update(alice.area, GROUP, now=NOW)
        change = alice.engine.apply_pending_commit(alice.area, GROUP, now=NOW)
        assert (change.added, change.removed) == ((), ())
        bob.process(commit)
        assert alice.authenticator == bob.authenticator != before

    def test_a_pending_commit_can_be_forgotten(self, pair: Pair) -> None:
        alice, bob = pair
        alice.engine.update(alice.area, GROUP, now=NOW)
        alice.engine.clear_pending_commit(alice.area, GROUP)
        with pytest.raises(BadInput):
            alice.engine.apply_pending_commit(alice.area, GROUP, now=NOW)
        assert bob.read(alice.encrypt(b"still here")) == b"still here"

    def test_late_messages_of_past_epochs(self, pair: Pair) -> None:
        alice, bob = pair
        early = alice.encrypt(b"early")
        for _ in range(PAST_EPOCHS):
            bob.process(alice.update())
        assert bob.read(early) == b"early"

    def test_a_message_of_an_epoch_to_come_is_kept_for_later(self, pair: Pair) -> None:
        alice, bob = pair
        commit = alice.update()
        message = alice.encrypt(b"from the next epoch")
        with pytest.raises(CryptoRejected):
            bob.process(message)
        bob.process(commit)
        assert bob.read(message) == b"from the next epoch"

    def test_groups_do_not_mix(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        engine, area = alice.engine, alice.area
        for group_id in (b"", b"a", b"ab", b"\x01a"):
            engine.create_group(area, group_id, now=NOW)
        assert set(engine.groups(area)) == {b"", b"a", b"ab", b"\x01a"}
        for _ in range(2):
            engine.delete_group(area, b"a")
        assert set(engine.groups(area)) == {b"", b"ab", b"\x01a"}
        for absent in (b"a", b"x"):
            with pytest.raises(BadInput):
                engine.encrypt(area, absent, b"x")
        with pytest.raises(BadInput):
            engine.create_group(area, b"ab", now=NOW)

    def test_all_groups_and_key_packages_are_forgotten_at_once_and_the_identity_stays(
        self, account: Callable[[], CryptoAccount], pair: Pair
    ) -> None:
        alice, bob = pair
        alice.engine.create_group(alice.area, b"another", now=NOW)
        message = bob.encrypt(b"x")
        carol = account()
        carol.engine.create_group(carol.area, b"carol's", now=NOW)
        _, welcome = carol.invite(alice, group_id=b"carol's")
        alice.engine.forget_all(alice.area)
        assert alice.engine.groups(alice.area) == []
        for refused in (lambda: alice.process(message), lambda: alice.join(welcome)):
            with pytest.raises(CryptoRejected):
                refused()
        with pytest.raises(BadInput):
            alice.encrypt(b"x")
        assert alice.engine.identity(alice.area) == alice.peer
        carol.engine.create_group(carol.area, b"later", now=NOW)
        _, welcome = carol.invite(alice, group_id=b"later")
        alice.join(welcome)
        assert carol.read(alice.encrypt(b"again", b"later")) == b"again"

    # -- what is refused

    def test_what_is_refused_changes_nothing(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        bob.process(message)
        stranger = account()
        stranger.engine.create_group(stranger.area, b"elsewhere", now=NOW)
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
        commit, welcome = alice.invite(carol)
        message = alice.encrypt(b"x")
        # Its header is enough: what follows costs nothing.
        for longer in (commit, message, message[:-1], message + bytes(1 << 20)):
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
        alice.engine.create_group(alice.area, GROUP, now=NOW)
        _, welcome = alice.invite(bob, carol)
        before = dict(carol.area.rows)
        with pytest.raises(CryptoRejected):
            carol.engine.join(carol.area, welcome, now=NOW, max_members=2)
        assert carol.area.rows == before
        assert carol.engine.join(carol.area, welcome, now=NOW, max_members=3) == GROUP

    @pytest.mark.parametrize("clock", [0, NOW - 10**9, NOW + 10**9])
    def test_what_was_received_is_right_by_any_clock(self, account: Callable[[], CryptoAccount], clock: int) -> None:
        alice, bob = account(), account()
        alice.engine.create_group(alice.area, GROUP, now=NOW)
        _, welcome = alice.invite(bob)
        assert bob.engine.join(bob.area, welcome, now=clock, max_members=2) == GROUP
        commit, message = alice.update(), alice.encrypt(b"x")
        assert isinstance(bob.engine.process(bob.area, commit, now=clock), MembershipChange)
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
        alice.engine.create_group(alice.area, GROUP, now=NOW)
        _, welcome = alice.invite(bob)
        bob.join(welcome)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)
        bob.engine.delete_group(bob.area, GROUP)
        with pytest.raises(CryptoRejected):
            bob.join(welcome)

    def test_a_welcome_to_a_group_that_is_here(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        mallory = account()
        mallory.engine.create_group(mallory.area, GROUP, now=NOW)
        _, welcome = mallory.invite(bob)
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
            stranger.engine.create_group(stranger.area, group_id, now=NOW)
            invitation = stranger.engine.add(stranger.area, group_id, [(bob.peer, package)], now=NOW)
            assert bob.engine.join(bob.area, invitation.welcome, now=NOW, max_members=2) == group_id
        bob.engine.forget_key_package(bob.area, package)
        stranger = account()
        stranger.engine.create_group(stranger.area, GROUP, now=NOW)
        invitation = stranger.engine.add(stranger.area, GROUP, [(bob.peer, package)], now=NOW)
        with pytest.raises(CryptoRejected):
            bob.engine.join(bob.area, invitation.welcome, now=NOW, max_members=2)

    def test_an_invitation_says_until_when_all_can_use_it(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        alice.engine.create_group(alice.area, GROUP, now=NOW)
        packages = [(bob.peer, bob.key_package(lifetime=2 * HOUR)), (carol.peer, carol.key_package(lifetime=HOUR))]
        assert alice.engine.add(alice.area, GROUP, packages, now=NOW).not_after == NOW + HOUR

    def test_a_forgotten_key_package(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        alice.engine.create_group(alice.area, GROUP, now=NOW)
        package = bob.key_package()
        bob.engine.forget_key_package(bob.area, package)
        invitation = alice.engine.add(alice.area, GROUP, [(bob.peer, package)], now=NOW)
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcome)

    def test_a_key_package_that_is_not_right(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, _ = pair
        carol, mallory = account(), account()
        add = alice.engine.add
        before = dict(alice.area.rows)
        with pytest.raises(BadCredential):
            add(alice.area, GROUP, [(carol.peer, mallory.key_package())], now=NOW)
        with pytest.raises(CryptoRejected):
            add(alice.area, GROUP, [(carol.peer, b"garbage")], now=NOW)
        with pytest.raises(CryptoRejected):
            add(alice.area, GROUP, [(carol.peer, carol.key_package())], now=NOW + 2 * HOUR)
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
