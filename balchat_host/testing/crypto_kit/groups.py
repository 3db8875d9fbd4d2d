"""Groups: who is in them, what they hear, how they are called."""

from collections.abc import Callable
from typing import Final

import pytest

from balchat_host.api.crypto import ERA_ID_SIZE, MAX_KNOWN_ERAS, ApplicationMessage, Joined
from balchat_host.api.errors import BadInput, CryptoRejected, TooFarAhead
from balchat_host.testing.crypto_kit.accounts import GROUP, NOW, CryptoAccount, CryptoKitBase, Pair
from balchat_host.testing.crypto_kit.forging import reference_of

_MOST_DEVICES: Final = 8
_MOST_MISSED: Final = 1024
_COUNTERS: Final = 32
"""Octets by which what is held may grow because numbers in it get longer."""
LONG: Final = b"This is between the two of us."


def _era(number: int) -> bytes:
    return number.to_bytes(ERA_ID_SIZE)


class GroupsTests(CryptoKitBase):
    """Groups: who is in them, what they hear, how they are called."""

    def test_a_conversation(self, pair: Pair) -> None:
        alice, bob = pair
        assert bob.decrypt(alice.encrypt(b"hello")) == ApplicationMessage(sender=alice.device, data=b"hello")
        assert alice.decrypt(bob.encrypt(b"hi")) == ApplicationMessage(sender=bob.device, data=b"hi")
        assert [each.members() for each in pair] == [[alice.device, bob.device]] * 2
        assert bob.read(alice.encrypt(LONG)) == LONG

    def test_all_whom_a_group_is_founded_with_hear_each_other(self, account: Callable[[], CryptoAccount]) -> None:
        # The order of leaves is that in which they were added, and not that of device ids.
        everybody = carol, bob, alice = account(), account(), account()
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
        assert alice.invite(bob, carol).era_id != invitation.era_id, "it is made of what others know"

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
        assert references == [reference_of(package) for _, package in packages], "it is not that of RFC 9420"
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

    def test_the_keys_of_messages_that_never_come_are_bounded(self, pair: Pair) -> None:
        alice, bob = pair
        held: list[int] = []
        for _ in range(4):
            messages = [alice.encrypt(b"x") for _ in range(_MOST_MISSED)]
            assert bob.read(messages[-1]) == b"x"
            held.append(bob.held())
        assert held[-1] <= held[1] + _COUNTERS, "it keeps a key of each message that was passed over"

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

    def test_what_is_said_comes_as_it_was_and_nobody_else_reads_it(self, pair: Pair) -> None:
        alice, bob = pair
        for data in (b"", bytes(3), b"ends with zeros" + bytes(20), bytes(range(256)) * 64, bytes(100_000)):
            read = bob.read(alice.encrypt(data))
            assert type(read) is bytes
            assert read == data
        first, second = alice.encrypt(LONG), alice.encrypt(LONG)
        assert LONG not in first + second
        assert [bob.read(each) for each in (second, first)] == [LONG, LONG], "each use of a key is another message"

    def test_nobody_reads_what_they_said_themselves(self, pair: Pair) -> None:
        alice, bob = pair
        message = alice.encrypt(b"hello")
        with pytest.raises(CryptoRejected):
            alice.decrypt(message)
        assert bob.read(message) == b"hello"

    def test_what_was_read_leaves_nothing_behind(self, pair: Pair) -> None:
        alice, bob = pair
        for number in range(5):
            bob.decrypt(alice.encrypt(b"%d" % number))
        before = bob.held(), alice.held()
        for number in range(40):
            bob.decrypt(alice.encrypt(LONG + b"%d" % number))
        assert bob.held() <= before[0] + _COUNTERS, "the keys of what was read are to be deleted"
        assert alice.held() <= before[1] + _COUNTERS, "the keys of what was sent are to be deleted"
        for each in pair:
            assert not any(LONG in value for value in each.area.rows.values()), "what was said is kept beside the keys"
        old = [dict(each.area.rows) for each in pair]
        bob.decrypt(alice.encrypt(LONG))
        for each, rows in zip(pair, old, strict=True):
            stepped = [row for key, row in rows.items() if each.area.rows.get(key) != row]
            kept = list(each.area.rows.values())
            assert not any(row in value for row in stepped for value in kept), (
                "the ratchet before the last step is kept"
            )

    def test_a_group_that_is_deleted_leaves_nothing_behind(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        before = alice.held(), bob.held()
        bob.join(alice.found(bob))
        for each in (alice, bob):
            each.engine.delete_group(each.area, GROUP)
            assert not any(GROUP in key + value for key, value in each.area.rows.items()), "it is still named"
        assert alice.held() <= before[0] + _COUNTERS
        assert bob.held() <= before[1] + _COUNTERS

    def test_groups_do_not_mix(self, account: Callable[[], CryptoAccount]) -> None:
        alice, bob = account(), account()
        engine, area = alice.engine, alice.area
        for group_id in (b"", b"a", b"ab", b"\x01a"):
            assert bob.join(alice.found(bob, group_id)).group_id == group_id
        assert sorted(engine.groups(area)) == sorted({b"", b"a", b"ab", b"\x01a"})
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
            with pytest.raises(BadInput):
                engine.members(area, absent)
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
