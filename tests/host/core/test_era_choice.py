"""Which era is best: equal for everybody, in whatever order they came, and always some."""

from itertools import permutations
from random import Random

import pytest

from balchat_host.core.eras.choice import Candidate, best, followed, ordered, sending


def era(name: str, *names: str, founder: str = "a", confirmed: bool = False) -> Candidate:
    return Candidate(
        era_id=name.encode(),
        founder=founder.encode(),
        names=frozenset(each.encode() for each in names),
        confirmed=confirmed,
    )


def test_one_that_names_another_is_better() -> None:
    assert best([era("1"), era("2", "1", founder="z")]).era_id == b"2"


def test_one_that_names_another_by_way_of_a_third_is_better() -> None:
    eras = [era("1", founder="a"), era("2", "1", founder="b"), era("3", "2", founder="c")]
    assert {best(order).era_id for order in permutations(eras)} == {b"3"}
    # The one between is not confirmed, and counts for the two others all the same.
    confirmed = [era("1", founder="a", confirmed=True), eras[1], era("3", "2", founder="c", confirmed=True)]
    assert sending(confirmed).era_id == b"3"


def test_of_two_that_do_not_name_each_other_the_lower_founders_is_better_then_the_lower_id() -> None:
    assert best([era("1", founder="b"), era("2", founder="a")]).era_id == b"2"
    assert best([era("2"), era("1")]).era_id == b"1"


def test_we_send_in_the_best_of_those_in_which_the_other_was_heard() -> None:
    eras = [era("1", confirmed=True), era("2", "1", confirmed=True), era("3", "2", "1")]
    assert sending(eras).era_id == b"2"
    assert best(eras).era_id == b"3"


def test_we_send_in_the_best_where_nothing_was_heard() -> None:
    assert sending([era("1"), era("2", "1")]).era_id == b"2"


def test_what_names_eras_that_do_not_exist_is_judged_without_them() -> None:
    assert best([era("1", "nothing"), era("2", "nothing either", founder="b")]).era_id == b"1"


def test_in_a_circle_nothing_is_worse() -> None:
    circle = [era("1", "2", founder="b"), era("2", "3", founder="c"), era("3", "1", founder="a")]
    assert {best(order).era_id for order in permutations(circle)} == {b"3"}


def test_one_outside_of_a_circle_is_better_if_it_names_one_of_it() -> None:
    circle = [era("1", "2"), era("2", "1"), era("3", "1", founder="z")]
    assert {best(order).era_id for order in permutations(circle)} == {b"3"}


def test_one_that_waits_to_be_heard_in_is_not_followed() -> None:
    old, late = era("1", confirmed=True), era("0")
    assert followed([old, era("2", "1")]) == []
    assert {each.era_id for each in followed([old, era("2", "1", "0", confirmed=True), late])} == {b"1", b"0"}


def test_one_that_the_other_side_may_send_in_is_not_followed_by_one_that_only_we_know_of() -> None:
    """We opened 2 and said so; what they said to that is on its way when we found 3."""
    held = [era("1", confirmed=True), era("2", "1", founder="b"), era("3", "2", "1")]
    assert followed(held) == []
    assert [each.era_id for each in followed([*held, era("4", "3", confirmed=True)])] == [b"1", b"2", b"3"]


def test_nothing_is_followed_while_nothing_was_heard() -> None:
    assert followed([era("1"), era("2", "1")]) == []


@pytest.mark.parametrize("seed", range(300))
def test_the_choice_hangs_on_the_set_alone(seed: int) -> None:
    """Whatever the eras name, circles too."""
    random = Random(seed)
    ids = [str(number) for number in range(random.randrange(1, 6))]
    eras = [
        era(
            each,
            *random.sample(ids, random.randrange(len(ids))),
            founder=random.choice("ab"),
            confirmed=random.random() < 0.5,
        )
        for each in ids
    ]
    expected = best(eras), sending(eras), {each.era_id for each in followed(eras)}, ordered(eras)
    for order in permutations(eras):
        assert (best(order), sending(order), {each.era_id for each in followed(order)}, ordered(order)) == expected
    assert expected[3][0] == expected[1]
    assert expected[1].era_id not in expected[2], "we send in none that has done its service"
    assert sorted(each.era_id for each in expected[3]) == sorted(each.era_id for each in eras)
