"""Random plays from era to era: whatever happens, both have the same history in the end, and send in the same era.

A play is what happens between one moment of rest and the next. Ten follow each other in a world, so that eras have a
past. `make simulate` sets how many worlds there are; without it there are a few.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from balchat_crypto_mls.engine import MlsEngine

from tests.support.era_world import DAY, HOUR, EraWorld, Template, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

WORLDS = int(os.environ.get("BALCHAT_ERA_WORLDS", "12"))
REAL_WORLDS = int(os.environ.get("BALCHAT_REAL_ERA_WORLDS", "4"))
CROSSINGS = int(os.environ.get("BALCHAT_ERA_CROSSINGS", "10"))
PLAYS = 10
"""Plays in a world."""
ACTS = 12
"""What happens in a play."""
PORTION = 50
"""Worlds in one test, so that they can be played side by side."""


def portions(worlds: int) -> list[range]:
    return [range(begin, min(begin + PORTION, worlds)) for begin in range(0, worlds, PORTION)]


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(plain)


@pytest.fixture(scope="module")
def real() -> Template:
    return Template(lambda _: MlsEngine())


@contextmanager
def told(where: str) -> Iterator[None]:
    """Say in which play something failed."""
    try:
        yield
    except BaseException as error:
        error.add_note(where)
        raise


def play(world: EraWorld) -> None:
    for _ in range(ACTS):
        world.act()
        if world.random.random() < 0.1:  # now and then
            world.check_choice()
    world.rest()
    world.check_choice()
    world.check_end()


@pytest.mark.parametrize("lying", [False, True], ids=["honest", "lying"])
@pytest.mark.parametrize("seeds", portions(WORLDS), ids=str)
def test_whatever_happens_both_come_to_the_same(template: Template, seeds: range, lying: bool) -> None:
    for seed in seeds:
        world = template.play(seed, lying=lying)
        for number in range(PLAYS):
            with told(f"seed {seed}, play {number}"):
                play(world)


@pytest.mark.parametrize("lying", [False, True], ids=["honest", "lying"])
@pytest.mark.parametrize("seeds", portions(REAL_WORLDS), ids=str)
def test_so_it_is_with_mls(real: Template, seeds: range, lying: bool) -> None:
    for seed in seeds:
        world = real.play(seed, lying=lying)
        for number in range(PLAYS):
            with told(f"seed {seed}, play {number}"):
                play(world)


def test_both_found_at_once_again_and_again(template: Template) -> None:
    world = template.play(1)
    for number in range(CROSSINGS):
        world.pass_time(world.random.uniform(1, 3) * HOUR if number % 7 else 4 * DAY)
        world.renew(world.alice, world.bob)
        world.renew(world.bob, world.alice)
        for _ in range(world.random.randrange(12)):
            world.act()
        world.rest()
        with told(f"crossing {number}"):
            world.check_choice()
            world.check_end()
