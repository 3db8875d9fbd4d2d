"""The conformance kit for crypto engines: subclass `CryptoKit`, give it an engine, and get the suite.

    class TestPigeonEngine(CryptoKit):
        @pytest.fixture
        def engine(self):
            return PigeonEngine()

Every test looks from outside: at what the engine gives and raises, and at the area that it was handed. The areas are
dictionaries, so that they can be compared, and put back as an older copy of a disk would be.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import pytest

from balchat_host.api.crypto import ERA_ID_SIZE, MAX_KNOWN_ERAS, ApplicationMessage, CryptoEngine, Invitation, Joined
from balchat_host.api.errors import BadCredential, BadInput, CryptoRejected, TooFarAhead, VaultRolledBack
from balchat_host.api.types import DEVICE_ID_SIZE, DeviceIdentity, PeerId
from balchat_host.testing.audit.kit import AuditedKit
from balchat_host.testing.dict_area import DictArea

NOW: Final = 1_800_000_000
HOUR: Final = 3600
GROUP: Final = b"group"
_DEVICES: Final = count(1)
_MOST_DEVICES: Final = 8
_MOST_MISSED: Final = 1024


@dataclass(slots=True)
class CryptoAccount:
    """An account: an engine, and the area that is handed to it."""

    engine: CryptoEngine
    area: DictArea = field(default_factory=DictArea)
    device_id: bytes = field(default_factory=lambda: next(_DEVICES).to_bytes(DEVICE_ID_SIZE))
    peer: PeerId = field(init=False)

    def __post_init__(self) -> None:
        if not self.area.rows:
            self.peer = self.engine.create_identity(self.area, self.device_id, now=NOW)

    @property
    def device(self) -> DeviceIdentity:
        """Who it is in a group."""
        return DeviceIdentity(peer=self.peer, device_id=self.device_id)

    def sibling(self) -> "CryptoAccount":
        """Return another device of the same account."""
        other = CryptoAccount(self.engine, DictArea(self.area.rows))
        other.peer = self.peer
        self.engine.become_device(other.area, other.device_id, now=NOW)
        return other

    def key_package(self, *, lifetime: int = HOUR) -> bytes:
        """Make a key package."""
        return self.engine.key_package(self.area, lifetime=lifetime, now=NOW)

    def invite(self, *others: "CryptoAccount", group_id: bytes = GROUP, knows: Sequence[bytes] = ()) -> Invitation:
        """Found a group with others."""
        return self.found_with(*((other.peer, other.key_package()) for other in others), group_id=group_id, knows=knows)

    def found_with(
        self,
        *key_packages: tuple[PeerId, bytes],
        group_id: bytes = GROUP,
        knows: Sequence[bytes] = (),
        now: int = NOW,
    ) -> Invitation:
        """Found a group with the owners of these key packages."""
        return self.engine.found(self.area, group_id, key_packages, knows=knows, now=now)

    def found(self, other: "CryptoAccount", group_id: bytes = GROUP) -> bytes:
        """Found a group with one other; return the Welcome."""
        return self.invite(other, group_id=group_id).welcomes[0]

    def join(self, welcome: bytes, *, max_members: int = 3) -> Joined:
        """Join a group."""
        return self.engine.join(self.area, welcome, max_members=max_members)

    def encrypt(self, data: bytes, group_id: bytes = GROUP) -> bytes:
        """Encrypt a message."""
        return self.engine.encrypt(self.area, group_id, data)

    def decrypt(self, message: bytes, group_id: bytes = GROUP) -> ApplicationMessage:
        """Decrypt a message."""
        return self.engine.decrypt(self.area, group_id, message)

    def read(self, message: bytes, group_id: bytes = GROUP) -> bytes:
        """Return what a message says."""
        return self.decrypt(message, group_id).data

    def members(self, group_id: bytes = GROUP) -> list[DeviceIdentity]:
        """Return who is in a group."""
        return list(self.engine.members(self.area, group_id))


def _era(number: int) -> bytes:
    return number.to_bytes(ERA_ID_SIZE)


Pair = tuple[CryptoAccount, CryptoAccount]


class CryptoKit(AuditedKit):
    """What every engine must do. Subclasses give an `engine` fixture."""

    @pytest.fixture
    def account(self, engine: CryptoEngine) -> Callable[[], CryptoAccount]:
        """Make accounts."""
        return lambda: CryptoAccount(engine)

    @pytest.fixture
    def pair(self, account: Callable[[], CryptoAccount]) -> Pair:
        """Two accounts in one group."""
        alice, bob = account(), account()
        assert bob.join(alice.found(bob)).group_id == GROUP
        return alice, bob

    # -- the account

    def test_an_identity_is_made_once(self, account: Callable[[], CryptoAccount]) -> None:
        alice = account()
        assert alice.peer != account().peer
        with pytest.raises(BadInput):
            alice.engine.create_identity(alice.area, alice.device_id, now=NOW)

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
        assert bob.decrypt(alice.encrypt(b"hello")) == ApplicationMessage(sender=alice.device, data=b"hello")
        assert alice.decrypt(bob.encrypt(b"hi")) == ApplicationMessage(sender=bob.device, data=b"hi")
        assert [each.members() for each in pair] == [[alice.device, bob.device]] * 2

    def test_all_whom_a_group_is_founded_with_hear_each_other(self, account: Callable[[], CryptoAccount]) -> None:
        everybody = alice, bob, carol = account(), account(), account()
        invitation = alice.invite(bob, carol)
        # Who founded it need not wait until the others have joined.
        early = alice.encrypt(b"early")
        for each, welcome in zip((bob, carol), invitation.welcomes, strict=True):
            each.join(welcome)
            assert each.read(early) == b"early"
        for sender in everybody:
            assert sender.members() == [alice.device, bob.device, carol.device]
            message = sender.encrypt(b"hello")
            expected = ApplicationMessage(sender=sender.device, data=b"hello")
            assert [each.decrypt(message) for each in everybody if each is not sender] == [expected] * 2

    def test_all_members_of_a_group_and_nobody_else_know_its_era_id(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        invitation = alice.invite(bob, carol)
        joined = [each.join(welcome) for each, welcome in zip((bob, carol), invitation.welcomes, strict=True)]
        expected = Joined(group_id=GROUP, era_id=invitation.era_id, founder=alice.device, knows=())
        assert joined == [expected] * 2
        assert len(invitation.era_id) == ERA_ID_SIZE
        assert invitation.era_id not in b"".join(invitation.welcomes)
        for each in (alice, bob):
            each.engine.delete_group(each.area, GROUP)
        assert alice.invite(bob).era_id != invitation.era_id

    def test_a_group_says_who_founded_it_and_which_eras_they_knew(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        for number, many in enumerate((0, 1, MAX_KNOWN_ERAS)):
            known = [_era(each) for each in reversed(range(many))]
            invitation = alice.invite(bob, group_id=_era(number), knows=known)
            joined = bob.join(invitation.welcomes[0])
            assert (joined.founder, joined.knows) == (alice.device, tuple(reversed(known)))
        before = dict(alice.area.rows)
        for refused in ([_era(0)] * 2, [b"short"], [_era(each) for each in range(MAX_KNOWN_ERAS + 1)]):
            with pytest.raises(BadInput):
                alice.invite(bob, knows=refused)
        assert alice.area.rows == before

    def test_a_key_package_and_a_welcome_that_answers_it_have_one_reference(
        self, account: Callable[[], CryptoAccount]
    ) -> None:
        alice, bob, carol = account(), account(), account()
        engine, packages = alice.engine, [(each.peer, each.key_package()) for each in (bob, carol)]
        welcomes = alice.found_with(*packages).welcomes
        references = [engine.reference(package) for _, package in packages]
        assert references == [engine.welcome_reference(welcome) for welcome in welcomes]
        assert len({len(reference) for reference in references}) == 1
        assert len(set(references)) == len(references)
        for garbage in (b"", b"garbage", welcomes[0][:-1], packages[0][1][:-1]):
            with pytest.raises(CryptoRejected):
                engine.reference(garbage)
            with pytest.raises(CryptoRejected):
                engine.welcome_reference(garbage)

    def test_who_misses_too_many_messages_says_so_and_goes_on_once_they_come(self, pair: Pair) -> None:
        alice, bob = pair
        messages = [alice.encrypt(b"%d" % number) for number in range(_MOST_MISSED + 2)]
        before = dict(bob.area.rows)
        with pytest.raises(TooFarAhead):
            bob.read(messages[-1])
        assert bob.area.rows == before
        assert bob.read(messages[0]) == b"0"
        assert bob.read(messages[-1]) == b"%d" % (_MOST_MISSED + 1)

    def test_each_device_of_an_account_is_a_member_of_its_own(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        other = bob.sibling()
        invitation = alice.invite(bob, other)
        for each, welcome in zip((bob, other), invitation.welcomes, strict=True):
            each.join(welcome)
        assert other.members() == [alice.device, bob.device, other.device]
        assert bob.decrypt(other.encrypt(b"x")).sender == other.device

    def test_a_device_is_in_a_group_once_and_an_account_eight_times(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        devices = [bob.sibling() for _ in range(_MOST_DEVICES + 1)]
        before = dict(alice.area.rows)
        with pytest.raises(CryptoRejected):
            alice.invite(bob, bob)
        with pytest.raises(BadInput):
            alice.invite(*devices)
        with pytest.raises(BadInput):
            bob.invite(*devices[:_MOST_DEVICES])
        assert alice.area.rows == before
        *others, last = devices[:_MOST_DEVICES]
        last.join(alice.invite(*others, last).welcomes[-1], max_members=_MOST_DEVICES + 1)
        assert len(last.members()) == _MOST_DEVICES + 1

    def test_messages_out_of_order(self, pair: Pair) -> None:
        alice, bob = pair
        messages = [(b"%d" % number, alice.encrypt(b"%d" % number)) for number in range(20)]
        for data, message in reversed(messages):
            assert bob.read(message) == data

    def test_groups_do_not_mix(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        engine, area = alice.engine, alice.area
        for group_id in (b"", b"a", b"ab", b"\x01a"):
            assert bob.join(alice.found(bob, group_id)).group_id == group_id
        assert set(engine.groups(area)) == {b"", b"a", b"ab", b"\x01a"}
        message = alice.encrypt(b"x", b"a")
        with pytest.raises(CryptoRejected):
            bob.decrypt(message, b"ab")
        assert bob.read(message, b"a") == b"x"
        for _ in range(2):
            engine.delete_group(area, b"a")
        assert set(engine.groups(area)) == {b"", b"ab", b"\x01a"}
        for absent in (b"a", b"x"):
            with pytest.raises(BadInput):
                engine.encrypt(area, absent, b"x")
        assert bob.read(alice.encrypt(b"x", b"ab"), b"ab") == b"x"

    def test_what_cannot_be_founded(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        before = dict(alice.area.rows)
        with pytest.raises(BadInput):
            alice.found(account())
        with pytest.raises(BadInput):
            alice.invite(group_id=b"of nobody")
        assert alice.area.rows == before
        assert bob.read(alice.encrypt(b"x")) == b"x"

    def test_who_becomes_another_device_has_no_group_and_no_key_package_and_is_the_same_account(
        self, account: Callable[[], CryptoAccount], pair: Pair
    ) -> None:
        alice, bob = pair
        alice.found(bob, b"another")
        message = bob.encrypt(b"x")
        carol = account()
        welcome = carol.found(alice, b"carol's")
        former, alice.device_id = alice.device, b"another device.."
        seed = alice.engine.identity_seed(alice.area)
        alice.engine.become_device(alice.area, alice.device_id, now=NOW)
        assert alice.engine.identity_seed(alice.area) == seed
        assert alice.engine.groups(alice.area) == []
        with pytest.raises(BadInput):
            alice.decrypt(message)
        with pytest.raises(CryptoRejected):
            alice.join(welcome)
        with pytest.raises(BadInput):
            alice.encrypt(b"x")
        alice.join(carol.found(alice, b"later"))
        assert alice.device != former
        decrypted = carol.decrypt(alice.encrypt(b"again", b"later"), b"later")
        assert decrypted == ApplicationMessage(sender=alice.device, data=b"again")

    # -- what is refused

    def test_what_is_refused_changes_nothing(self, account: Callable[[], CryptoAccount], pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        bob.decrypt(message)
        stranger = account()
        other = account()
        other.join(stranger.found(other, b"elsewhere"))
        elsewhere = stranger.encrypt(b"x", b"elsewhere")
        before = dict(bob.area.rows)
        for refused in (
            b"",
            b"garbage",
            message,
            message[:-1],
            elsewhere,
            alice.found(bob, b"more"),
            bob.key_package(),
        ):
            with pytest.raises(CryptoRejected):
                bob.decrypt(refused)
        for refused in (b"", b"garbage", message, stranger.found(other, b"theirs")):
            with pytest.raises(CryptoRejected):
                bob.join(refused)
        assert {key: row for key, row in bob.area.rows.items() if key in before} == before

    def test_what_is_for_another_group_is_refused_whatever_follows_its_header(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        alice.found(bob, b"another")
        another = alice.encrypt(b"x", b"another")
        before = dict(bob.area.rows)
        for refused in (another, another[:-1], another + bytes(1 << 20), message + bytes(1 << 20), bytes(1 << 20)):
            with pytest.raises(CryptoRejected):
                bob.decrypt(refused)
        assert {key: row for key, row in bob.area.rows.items() if key in before} == before
        assert bob.read(message) == b"x"

    def test_a_group_of_more_members_than_allowed(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        _, welcome = alice.invite(bob, carol).welcomes
        before = dict(carol.area.rows)
        with pytest.raises(CryptoRejected):
            carol.join(welcome, max_members=2)
        assert carol.area.rows == before
        assert carol.join(welcome, max_members=3).group_id == GROUP

    def test_a_forgery_uses_up_no_key(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"the real one")
        for at in range(0, len(message), 7):
            forged = bytearray(message)
            forged[at] ^= 1
            with pytest.raises(CryptoRejected):
                bob.decrypt(bytes(forged))
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

    def test_a_welcome_is_opened_by_the_key_package_that_it_names_and_by_no_other(
        self, account: Callable[[], CryptoAccount]
    ) -> None:
        alice, bob, carol = account(), account(), account()
        invitation = alice.invite(bob, carol)
        before = [dict(each.area.rows) for each in (bob, carol)]
        for welcome in (invitation.welcomes[1], invitation.welcomes[0][:-1], invitation.welcomes[0] + b"\0"):
            with pytest.raises(CryptoRejected):
                bob.join(welcome)
        forged = bytearray(invitation.welcomes[0])
        for at in range(0, len(forged), 41):
            forged[at] ^= 1
            with pytest.raises(CryptoRejected):
                bob.join(bytes(forged))
            forged[at] ^= 1
        assert [dict(each.area.rows) for each in (bob, carol)] == before
        assert bob.join(bytes(forged)).group_id == GROUP

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
            invitation = stranger.found_with((bob.peer, package), group_id=group_id)
            assert bob.join(invitation.welcomes[0]).group_id == group_id
        bob.engine.forget_key_package(bob.area, package)
        stranger = account()
        invitation = stranger.found_with((bob.peer, package))
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcomes[0])

    def test_an_invitation_says_until_when_all_can_use_it(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob, carol = account(), account(), account()
        packages = [(bob.peer, bob.key_package(lifetime=2 * HOUR)), (carol.peer, carol.key_package(lifetime=HOUR))]
        assert alice.found_with(*packages).not_after == NOW + HOUR

    def test_a_forgotten_key_package(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        package = bob.key_package()
        bob.engine.forget_key_package(bob.area, package)
        invitation = alice.found_with((bob.peer, package))
        with pytest.raises(CryptoRejected):
            bob.join(invitation.welcomes[0])

    def test_a_key_package_that_is_not_right(self, account: Callable[[], CryptoAccount]) -> None:
        alice, carol, mallory = account(), account(), account()
        before = dict(alice.area.rows)
        with pytest.raises(BadCredential):
            alice.found_with((carol.peer, mallory.key_package()))
        with pytest.raises(CryptoRejected):
            alice.found_with((carol.peer, b"garbage"))
        with pytest.raises(CryptoRejected):
            alice.found_with((carol.peer, carol.key_package()), now=NOW + 2 * HOUR)
        assert alice.area.rows == before

    # -- the disk

    def test_a_transaction_that_is_rolled_back_takes_the_engine_along(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"x")
        before = dict(bob.area.rows)
        bob.decrypt(message)
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
