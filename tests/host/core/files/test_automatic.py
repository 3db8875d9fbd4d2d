"""Which files of others are fetched although nobody asked for them."""

from balchat_host.api.views import FileState
from balchat_host.core import rate_limits
from balchat_host.core.rate_limits import Counted
from balchat_host.testing.memory_account import MemoryAccount


def test_pictures_of_one_contact_come_by_themselves_so_many_a_day() -> None:
    alice = MemoryAccount("Alice")
    bob = alice.befriend("Bob")

    def rest_of_the_day(unit) -> int:
        count = 0
        while rate_limits.may(unit, bob.core.peer, Counted.PICTURES_OF_A_DAY, per_day=500):
            count += 1
        return count

    assert bob.offer("one.png", b"no picture", content_type="image/png").state is FileState.FETCHING
    assert alice.change(rest_of_the_day) == 499
    assert bob.offer("two.png", b"no picture", content_type="image/png").state is FileState.OFFERED
    alice.world.pass_time(24 * 3600)
    assert bob.offer("three.png", b"no picture", content_type="image/png").state is FileState.FETCHING
    assert alice.change(rest_of_the_day) == 499
