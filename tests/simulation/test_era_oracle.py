"""The choice of an era against the oracle, in any order, with circles and names of nothing among what founders say."""

from __future__ import annotations

import os
from random import Random

from balchat_host.core.eras.choice import Candidate, best, sending
from tests.simulation import era_oracle

PLAYS = int(os.environ.get("BALCHAT_ERA_CHOICES", "4000"))
_IDS = [bytes([number]) for number in range(8)]


def test_the_choice_is_the_oracle_s_whatever_founders_say() -> None:
    for play in range(PLAYS):
        random = Random(play)
        held = [_any_era(random, era_id) for era_id in random.sample(_IDS, random.randint(1, 6))]
        model = [
            era_oracle.Era(id=each.era_id, founder=each.founder, names=each.names, confirmed=each.confirmed)
            for each in held
        ]
        for _ in range(2):
            random.shuffle(held)
            assert best(held).era_id == era_oracle.best(model), f"play {play}"
            assert sending(held).era_id == era_oracle.sends_in(model), f"play {play}"


def _any_era(random: Random, era_id: bytes) -> Candidate:
    """Return an era that names any others, itself and what nobody holds among them."""
    return Candidate(
        era_id=era_id,
        founder=random.choice((b"a", b"b")),
        names=frozenset(random.sample(_IDS, random.choice((0, 0, 1, 1, 2, 3)))),
        confirmed=random.random() < 0.5,  # half of them
    )
