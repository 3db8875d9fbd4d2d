"""Feeds whole envelopes to `inbox.receive`, as each kind of sender, in each state that a contact can be in.

    python -m fuzz.inbox [--inputs N] [--seed S]

An input is a real envelope with octets or fields changed; or content that its author then encrypts rightly; or an MLS
structure made by hand and rightly signed. Whatever comes, there is an answer, it was no fault of ours that ended it, it
took a bounded time, and afterwards everybody else's messages arrive as before. A failure prints the input, and the
number and seed that make the same choices; keys are new in each run.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import resource
import sys
import time
from typing import TYPE_CHECKING, Final

import cbor2

from balchat_host.api.transport import MAX_ENVELOPE_SIZE, Verdict
from balchat_host.core.envelope import Kind
from fuzz import mls
from fuzz.mutations import any_item, change_item, change_octets, encode
from fuzz.scene import Scene, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

LONGEST_SECONDS: Final = 1.0
"""Of processor time. A guard against what grows faster than the input; `bench/hostile.py` has the figures."""
HANG_SECONDS: Final = 600
GROWTH_OCTETS: Final = 64 * 1024 * 1024
FRESH_SCENE_EVERY: Final = 20_000


class Fuzzer:
    """Makes inputs from one seed."""

    def __init__(self, seed: int) -> None:
        self._rng: Random = random.Random(seed)  # repeatable, not secret
        self.scene = Scene(self._rng.randrange(2**32))
        self._key_packages = [state.key_package for state in self.scene.states if state.key_package is not None]
        self._contents = {id(state): self.scene.contents(state) for state in self.scene.states if state.era}

    def one(self) -> tuple[State, list[bytes]]:
        """Return a sender's state, and what they send."""
        rng = self._rng
        state = rng.choice(self.scene.states)
        makers: list[Callable[[State], bytes]] = [self._octets, self._envelope, self._key_package, self._request]
        if state.era is not None:
            makers += [self._content] * 3
        if state.key_package is not None:
            makers += [self._welcome] * 3
        if state.era_key_package is not None:
            makers += [self._era] * 3
        if state.crafted is not None:
            makers += [self._private_message] * 8
        make = rng.choice(makers)
        # What is larger is never parsed, so one octet too many says it all.
        return state, [make(state)[: MAX_ENVELOPE_SIZE + 1] for _ in range(rng.choice((1, 1, 1, 1, 3)))]

    def _octets(self, state: State) -> bytes:
        return change_octets(self._rng.choice(state.envelopes), self.scene.envelopes, self._rng)

    def _envelope(self, state: State) -> bytes:
        item = cbor2.loads(self._rng.choice(state.envelopes))
        if self._rng.randrange(2):
            item[2] = change_octets(item[2], self.scene.envelopes, self._rng)
        else:
            item = change_item(item, self._rng)
        return encode(item, self._rng)

    def _content(self, state: State) -> bytes:
        content = self._rng.choice(self._contents[id(state)])
        match self._rng.randrange(6):
            case 0:
                changed = change_octets(content, self._contents[id(state)], self._rng)
            case 1:
                item = cbor2.loads(content)
                # A status, or routes: the body is CBOR, too.
                item[6][4:] = [encode(any_item(self._rng), self._rng)]
                changed = encode(item, self._rng)
            case _:
                changed = encode(change_item(cbor2.loads(content), self._rng), self._rng)
        return self.scene.encrypt(state, changed)

    def _key_package(self, state: State) -> bytes:
        return _wrapped(Kind.KEY_PACKAGE, mls.key_package(state.mallory, self._rng))

    def _request(self, state: State) -> bytes:
        welcome = self._rng.randbytes(self._rng.choice((0, 10, 1400)))
        if state.key_package is not None:
            welcome = self.scene.welcome(state.sender, state.key_package, b"a group of two..")
        item = cbor2.loads(self.scene.request(state.sender, welcome))
        if self._rng.randrange(3):
            item[3] = encode(any_item(self._rng), self._rng)
        return _wrapped(Kind.CONTACT_REQUEST, encode(change_item(item, self._rng), self._rng))

    def _welcome(self, state: State) -> bytes:
        assert state.key_package is not None, "they hold none"
        welcome = mls.welcome(state.mallory, state.key_package, self._rng)
        return _wrapped(Kind.CONTACT_REQUEST, self.scene.request(state.sender, welcome))

    def _era(self, state: State) -> bytes:
        assert state.era_key_package is not None, "they were given none"
        welcome = mls.welcome(state.mallory, state.era_key_package, self._rng)
        return _wrapped(Kind.ERA, welcome)

    def _private_message(self, state: State) -> bytes:
        assert state.crafted is not None, "their group was not made by hand"
        theirs = self._rng.choice(self._key_packages)
        message = mls.private_message(state.crafted, state.mallory, theirs, self._rng)
        if self._rng.randrange(16) == 0:
            message = change_octets(message, state.envelopes, self._rng)
        payload = state.crafted.payload(message)
        if self._rng.randrange(16) == 0:
            payload = change_octets(payload, [payload], self._rng)
        return _wrapped(Kind.MLS_MESSAGE, payload)


def _wrapped(kind: Kind, payload: bytes) -> bytes:
    return cbor2.dumps([1, int(kind), payload], canonical=True)


def feed(scene: Scene, state: State, envelopes: list[bytes]) -> list[Verdict]:
    """Feed one input; return the verdicts. Raise AssertionError."""
    began = time.thread_time()
    try:
        dispositions = scene.feed(state.source, envelopes)
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    seconds = time.thread_time() - began
    if seconds > LONGEST_SECONDS * len(envelopes):
        raise AssertionError(f"it took {seconds:.1f} s")
    if len(dispositions) != len(envelopes):
        raise AssertionError(f"{len(dispositions)} answers to {len(envelopes)} envelopes")
    return [disposition.verdict for disposition in dispositions]


def check_others(scene: Scene) -> None:
    """See that a contact's message still arrives, and an answer. Raise AssertionError."""
    scene.friend.write(scene.alice, "Are you there?")
    scene.alice.write(scene.friend, "I am")
    scene.world.heal(scene.friend, scene.alice)
    scene.world.check(scene.friend, scene.alice)
    scene.world.check(scene.alice, scene.friend)


def run(count: int, seed: int) -> dict[Verdict, int]:
    """Run `count` inputs; return how often each verdict came. Raise AssertionError with what to repeat."""
    verdicts = dict.fromkeys(Verdict, 0)
    warm = 0
    for first in range(0, count, FRESH_SCENE_EVERY):
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        fuzzer = Fuzzer(seed + first)
        for number in range(first, min(count, first + FRESH_SCENE_EVERY)):
            state, envelopes = fuzzer.one()
            try:
                for verdict in feed(fuzzer.scene, state, envelopes):
                    verdicts[verdict] += 1
            except AssertionError as error:
                octets = ", ".join(each.hex() if len(each) < 4000 else f"{len(each)} octets" for each in envelopes)
                where = f"--seed {seed}, input {number}, from somebody {state.name}: {octets}"
                raise AssertionError(f"{error}: {where}") from error
        check_others(fuzzer.scene)
        warm = warm or _resident()
    faulthandler.cancel_dump_traceback_later()
    if _resident() - warm > GROWTH_OCTETS:
        raise AssertionError(f"memory grew by {(_resident() - warm) >> 20} MiB: --seed {seed}")
    return verdicts


def _resident() -> int:
    """Return the most memory that the process has ever used, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    arguments = parser.parse_args()
    # Should the process itself be ended by an input, this is what is left.
    faulthandler.enable()
    sys.stdout.write(f"seed {arguments.seed}\n")
    sys.stdout.flush()
    began = time.monotonic()
    verdicts = run(arguments.inputs, arguments.seed)
    seconds = time.monotonic() - began
    told = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.items())
    sys.stdout.write(f"{arguments.inputs} inputs in {seconds:.0f} s: {told}\n")


if __name__ == "__main__":
    main()
