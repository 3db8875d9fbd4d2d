"""Both sides end with the same stream, in every order in which anything can happen.

The explorer runs two `CollisionResolver` machines against each other. Streams are pairs of queues; at every point it
tries each thing that could happen next: the head of any queue arrives, a side decides to dial, a dead stream is
noticed, a probe of a dead stream runs out. States that were seen are not explored again, so it visits all of them.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

import pytest
from balchat_transport_tor_direct.collision_resolver import TABLE, CollisionResolver, Do, Have
from balchat_transport_tor_direct.faults import LocalMisuse

LOWER, HIGHER = 0, 1


@dataclass
class Stream:
    """`to[side]` is what is on its way to that side; `open[side]` whether that side still has it."""

    dialler: int
    to: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    open: list[bool] = field(default_factory=lambda: [True, True])


class World:
    def __init__(self, *, dials: tuple[int, int]) -> None:
        self.sides = [CollisionResolver[int](ours_wins=True), CollisionResolver[int](ours_wins=False)]
        self.streams: list[Stream] = []
        self.own_dial: list[int | None] = [None, None]
        self.probing = [False, False]
        self.dials_left = list(dials)
        self.tears_left = 0

    def key(self) -> str:
        sides = [(side.have, side.standing, side.held) for side in self.sides]
        return repr((sides, self.streams, self.own_dial, self.probing, self.dials_left, self.tears_left))

    # -- what can happen

    def choices(self) -> list[tuple[str, int, int]]:
        found = [
            ("arrive", number, side)
            for number, stream in enumerate(self.streams)
            for side in (LOWER, HIGHER)
            if stream.open[side] and stream.to[side]
        ]
        for side in (LOWER, HIGHER):
            if self.dials_left[side] and self.sides[side].have is Have.NOTHING:
                found.append(("dial", 0, side))
            standing = self.sides[side].standing
            if standing is not None and not self.streams[standing].open[1 - side]:
                if not self.streams[standing].to[side]:
                    found.append(("notice", standing, side))
                if self.probing[side]:
                    found.append(("probe fails", standing, side))
        if self.tears_left:
            found += [("tear", number, 0) for number, stream in enumerate(self.streams) if all(stream.open)]
        return found

    def happen(self, what: str, number: int, side: int) -> None:
        match what:
            case "dial":
                self.dials_left[side] -= 1
                assert self.sides[side].dial()
                self.streams.append(Stream(side))
                self.own_dial[side] = len(self.streams) - 1
                self.streams[-1].to[1 - side].append("HELLO")
            case "arrive":
                self.arrive(number, side, self.streams[number].to[side].pop(0))
            case "notice":
                self.close(number, side)
                self.take(side, self.sides[side].ended(number))
            case "probe fails":
                self.probing[side] = False
                self.take(side, self.sides[side].probe_failed())
            case "tear":
                self.tears_left -= 1
                for queue in self.streams[number].to:
                    queue[:] = ["END"]

    def arrive(self, number: int, side: int, message: str) -> None:
        me, stream = self.sides[side], self.streams[number]
        match message:
            case "HELLO":
                stream.to[1 - side].append("CHALLENGE")
            case "CHALLENGE":
                me.prove()
                stream.to[1 - side].append("PROOF")
            case "PROOF":
                self.take(side, me.offered(number))
            case "READY":
                self.own_dial[side] = None
                self.take(side, me.dial_ready(number))
            case "PING":
                stream.to[1 - side].append("PONG")
            case "PONG":
                if self.probing[side]:
                    self.probing[side] = False
                    self.take(side, me.probe_answered())
            case "END":
                self.close(number, side)
                if self.own_dial[side] == number:
                    self.own_dial[side] = None
                    self.take(side, me.dial_failed())
                else:
                    self.take(side, me.ended(number))

    # -- what a shell does

    def take(self, side: int, steps: object) -> None:
        for do, number in steps:
            match do:
                case Do.ADMIT:
                    self.streams[number].to[1 - side].append("READY")
                case Do.ABANDON_DIAL:
                    self.close(self.own_dial[side], side)
                    self.own_dial[side] = None
                case Do.REJECT | Do.END_STANDING:
                    self.close(number, side)
                case Do.PROBE:
                    self.probing[side] = True
                    self.streams[number].to[1 - side].append("PING")

    def close(self, number: int, side: int) -> None:
        stream = self.streams[number]
        if stream.open[side]:
            stream.open[side] = False
            stream.to[side].clear()
            stream.to[1 - side].append("END")

    def crash(self, side: int) -> None:
        """Start again; the other side is told nothing."""
        self.sides[side] = CollisionResolver[int](ours_wins=side == LOWER)
        for stream in self.streams:
            stream.open[side] = False
            stream.to[side].clear()


def all_states(world: World) -> list[World]:
    """Return every state that can be reached."""
    seen, todo = dict[str, World](), [world]
    while todo:
        state = todo.pop()
        if state.key() not in seen:
            seen[state.key()] = state
            for choice in state.choices():
                after = deepcopy(state)
                after.happen(*choice)
                todo.append(after)
    return list(seen.values())


def outcomes(world: World) -> list[World]:
    """Return every state in which nothing more can happen."""
    return [state for state in all_states(world) if not state.choices()]


def connected(dialler: int) -> World:
    """A world in which one stream stands, dialled by `dialler`."""
    world = World(dials=(0, 0))
    world.dials_left[dialler] = 1
    (done,) = outcomes(world)
    return done


def assert_agreed(state: World, *, none_allowed: bool = False) -> None:
    low, high = state.sides
    assert low.held is None
    assert high.held is None
    assert low.standing == high.standing
    if low.standing is None:
        assert none_allowed
        assert low.idle
        assert high.idle
    else:
        assert {low.have, high.have} == {Have.OURS, Have.THEIRS}
    alive = [number for number, stream in enumerate(state.streams) if any(stream.open)]
    assert alive == ([] if low.standing is None else [low.standing])


def test_one_dial_makes_one_stream() -> None:
    for dialler in (LOWER, HIGHER):
        state = connected(dialler)
        assert_agreed(state)
        assert state.sides[dialler].have is Have.OURS


def test_two_dials_at_once_make_one_stream_in_every_order() -> None:
    quiet = outcomes(World(dials=(1, 1)))
    assert {state.sides[LOWER].have for state in quiet} == {Have.OURS, Have.THEIRS}
    for state in quiet:
        assert_agreed(state)


@pytest.mark.parametrize("crashed", [LOWER, HIGHER])
@pytest.mark.parametrize("dialler", [LOWER, HIGHER])
def test_who_restarts_gets_in_beside_a_dead_stream(dialler: int, crashed: int) -> None:
    world = connected(dialler)
    world.crash(crashed)
    world.dials_left[crashed] = 1
    for state in outcomes(world):
        assert_agreed(state)


@pytest.mark.parametrize("crashed", [LOWER, HIGHER])
@pytest.mark.parametrize("dialler", [LOWER, HIGHER])
def test_a_restart_and_a_dial_of_the_other_side_make_one_stream(dialler: int, crashed: int) -> None:
    world = connected(dialler)
    world.crash(crashed)
    world.dials_left = [1, 1]
    for state in outcomes(world):
        assert_agreed(state)


def test_a_crash_in_the_middle_of_two_dials() -> None:
    for state in all_states(World(dials=(1, 1))):
        for crashed in (LOWER, HIGHER):
            after = deepcopy(state)
            after.crash(crashed)
            after.own_dial[crashed] = None
            # What was on its way in its name still arrives; only then its end is noticed.
            for stream in after.streams:
                stream.to[1 - crashed].append("END")
            after.dials_left = [0, 0]
            after.dials_left[crashed] = 1
            for end in all_states(after):
                if not end.choices():
                    # A late proof of the old life may have replaced the stream of the new one, and ended with it.
                    assert_agreed(end, none_allowed=True)
                    end.dials_left = [1, 1]
                    for final in outcomes(end):
                        assert_agreed(final)


def test_a_torn_stream_never_leaves_the_sides_in_disagreement() -> None:
    world = World(dials=(1, 1))
    world.tears_left = 1
    for state in outcomes(world):
        assert_agreed(state, none_allowed=True)


def test_disconnecting_ends_whatever_there_is() -> None:
    ours: CollisionResolver[str] = CollisionResolver(ours_wins=True)
    assert ours.dial()
    ours.prove()
    assert ours.offered("held") == [(Do.HOLD, "held")]
    assert ours.disconnect() == [(Do.REJECT, "held"), (Do.ABANDON_DIAL, None)]
    assert ours.idle
    assert ours.offered("theirs") == [(Do.ADMIT, "theirs")]
    assert ours.disconnect() == [(Do.END_STANDING, "theirs")]


def test_a_newer_stream_of_theirs_takes_the_place_of_one_that_waits() -> None:
    ours: CollisionResolver[str] = CollisionResolver(ours_wins=True)
    ours.dial()
    ours.prove()
    ours.offered("one")
    assert ours.offered("two") == [(Do.REJECT, "one"), (Do.HOLD, "two")]
    assert ours.dial_failed() == [(Do.ADMIT, "two")]


@pytest.mark.parametrize("ours_wins", [True, False])
def test_who_dials_again_has_lost_the_old_stream(*, ours_wins: bool) -> None:
    ours: CollisionResolver[str] = CollisionResolver(ours_wins=ours_wins)
    ours.offered("old")
    assert ours.offered("new") == [(Do.END_STANDING, "old"), (Do.ADMIT, "new")]


def test_the_table_covers_everything() -> None:
    assert set(TABLE) == set(Have)


def test_misuse_is_our_own_fault() -> None:
    ours: CollisionResolver[str] = CollisionResolver(ours_wins=True)
    with pytest.raises(LocalMisuse):
        ours.prove()
    with pytest.raises(LocalMisuse):
        ours.dial_failed()
    with pytest.raises(LocalMisuse):
        ours.dial_ready("stream")
