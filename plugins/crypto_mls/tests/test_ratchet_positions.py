"""Nothing is encrypted twice with one key: every ciphertext that has left has a position of its own in its ratchet.

Who sees all that ever left can tell: of two ciphertexts with one position, the second does not open any more.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balchat_host.api.errors import CryptoRejected, VaultRolledBack
from balchat_host.testing.dict_area import DictArea

ACTS = st.sampled_from(["send", "send and crash", "read", "read and crash", "read twice"])


class Side:
    """One of two; what it encrypts leaves once its transaction is committed."""

    def __init__(self, account):
        self.account = account
        self.first = DictArea(account.area.rows)
        self.left: list[bytes] = []

    def send(self, *, crash: bool) -> None:
        before = dict(self.account.area.rows)
        message = self.account.encrypt(b"group", b"%d" % len(self.left))
        if crash:
            self.account.area.rows = before
        else:
            self.left.append(message)

    def read(self, message: bytes, *, crash: bool) -> None:
        before = dict(self.account.area.rows)
        try:
            self.account.decrypt(b"group", message)
        except CryptoRejected:
            assert self.account.area.rows == before
        if crash:
            self.account.area.rows = before

    def opens(self, messages: list[bytes]) -> list[bytes]:
        """Decrypt as one who has read nothing yet."""
        area = DictArea(self.first.rows)
        return [self.account.engine.decrypt(area, b"group", message).data for message in messages]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), acts=st.lists(st.tuples(st.integers(0, 1), ACTS), max_size=40))
def test_whatever_crashes_all_that_has_left_opens(make_pair, data, acts):
    sides = [Side(account) for account in make_pair()]
    for which, act in acts:
        one, other = sides[which], sides[1 - which]
        if act.startswith("send"):
            one.send(crash=act.endswith("crash"))
        elif other.left:
            message = data.draw(st.sampled_from(other.left))
            for _ in range(2 if act.endswith("twice") else 1):
                one.read(message, crash=act.endswith("crash"))
    for one, other in (sides, sides[::-1]):
        order = data.draw(st.permutations(range(len(one.left))))
        assert other.opens([one.left[at] for at in order]) == [b"%d" % at for at in order]


def test_what_leaves_before_its_transaction_is_committed_is_noticed_here(make_pair):
    """Otherwise the test above would prove nothing."""
    alice, bob = map(Side, make_pair())
    before = dict(alice.account.area.rows)
    alice.send(crash=False)
    alice.account.area.rows = before
    alice.send(crash=False)
    with pytest.raises(CryptoRejected):
        bob.opens(alice.left)


def test_a_group_of_which_any_row_is_missing_encrypts_nothing(make_pair):
    alice, _ = make_pair()
    whole = dict(alice.area.rows)
    for gone in (key for key in whole if key != b"a"):
        alice.area.rows = {key: row for key, row in whole.items() if key != gone}
        with pytest.raises(VaultRolledBack):
            alice.encrypt(b"group", b"x")
