"""Feeds mutated messages to everything that takes a peer's octets.

    python fuzz/fuzz.py [--inputs N] [--seed SEED]

Each input is a real message with a few fields changed, cut, doubled, or crossed with another message; or the content of
one, changed so by a member who then authenticates it rightly (mallory.py). Whatever comes in, only a PeerError may come
out, the groups must be as they were, and memory must not grow. A failure prints the input and the seed of the
mutations; keys are new in each run.
"""

import argparse
import faulthandler
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import mallory
from insides import Insides
from mls_rs_py import (
    BasicCredential,
    BasicIdentityProvider,
    Client,
    ExternalSender,
    Group,
    GroupInfo,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    KeyPackage,
    MessageInfo,
    PeerError,
    PrivateMessageHeader,
    ReInitProposal,
    Rules,
    SignatureKeyPair,
    WelcomeHeader,
)

LONGEST_SECONDS = 0.5
HANG_SECONDS = 600
GROWTH_OCTETS = 64 * 1024 * 1024
INTERESTING = (0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF)

# Suite, whether commits and proposals are encrypted, and the share of the inputs: the curves differ, and their speed.
WORLDS = ((1, True, 0.4), (1, False, 0.4), (2, False, 0.08), (3, True, 0.08), (7, False, 0.04))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What takes a peer's octets, and what it takes."""

    name: str
    take: Callable[[bytes], object]
    seeds: list[bytes]
    group: Group
    """What must not change, unless `changes` and the octets are right."""
    changes: bool = False


def make_client(
    name: bytes, rules: Rules, key_pair: SignatureKeyPair, groups: InMemoryGroupStateStorage | None = None
) -> Client:
    """Make a client in memory."""
    return Client(
        BasicCredential(name),
        key_pair,
        identity_provider=BasicIdentityProvider(),
        group_state_storage=groups or InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
        rules=rules,
    )


class World:
    """Groups in every state, and real messages of every kind for them that were not processed yet."""

    def __init__(self, suite: int, *, encrypted: bool) -> None:  # noqa: PLR0915  # one scene, told in order
        rules = Rules(encrypt_control_messages=encrypted, padding="none")
        keys, bobs_keys, carols_keys, daves_keys = (SignatureKeyPair.generate(suite) for _ in range(4))
        alices_storage, bobs_storage = InMemoryGroupStateStorage(), InMemoryGroupStateStorage()
        self.alice = make_client(b"alice", rules, keys, alices_storage)
        bob = make_client(b"bob", rules, bobs_keys, bobs_storage)
        carol = make_client(b"carol", rules, carols_keys)
        alice = self.alice.create_group(b"group")
        first_package = bob.generate_key_package()
        first = alice.commit(add=[first_package])
        alice.apply_pending_commit()
        self.group = bob.join(first.welcomes[0])
        late = [alice.encrypt(b"late %d" % number) for number in range(3)]
        update = alice.commit()
        alice.apply_pending_commit()
        self.group.process(update.message)
        self.group.write_to_storage()
        alice.write_to_storage()
        self.good = alice.encrypt(b"good")

        package = carol.generate_key_package()
        application = [alice.encrypt(b"x" * size, authenticated_data=b"ad") for size in (0, 10, 1000)]
        info = alice.group_info(allow_external_commit=True)
        bare_info = alice.group_info(allow_external_commit=True, ratchet_tree=False)
        _, external = make_client(b"dave", rules, daves_keys).external_commit(info)
        commit, _ = alice.commit_detached(add=[package], remove=[])
        remove, _ = alice.commit_detached(remove=[1])
        reinit, _ = alice.commit_detached(reinit=ReInitProposal(group_id=b"next", cipher_suite=suite))
        proposals = [alice.propose_update(), alice.propose_remove(1), alice.propose_add(package)]
        by_reference, _ = alice.commit_detached()
        messages = [*proposals, commit.message, remove.message, reinit.message, by_reference.message]
        welcomes, infos, trees = [commit.welcomes[0], first.welcomes[0]], [info, bare_info], [alice.export_tree()]

        # Bob's group once more, in other states: its copies know nothing of each other.
        pending, waiting, closed = (bob.load_group(b"group") for _ in range(3))
        pending.commit()
        for proposal in proposals:
            waiting.process(proposal)
        closed.process(reinit.message)
        after_reinit = self.alice.load_group(b"group")
        after_reinit.commit(reinit=ReInitProposal(group_id=b"next", cipher_suite=suite))
        after_reinit.apply_pending_commit()
        next_client = closed.reinit_client()
        _, next_welcomes = after_reinit.reinit_client().create_group([next_client.generate_key_package()])
        _, branch_welcomes = self.alice.load_group(b"group").branch(b"branch", [bob.generate_key_package()])

        sender = ExternalSender(
            BasicCredential(b"server"), SignatureKeyPair.generate(suite), identity_provider=BasicIdentityProvider()
        )
        traffic = [*late, *application, *messages, external, info, package.to_bytes()]
        self.corpus = [*traffic, *welcomes, *next_welcomes, *branch_welcomes, *infos, *trees]
        states = {"": self.group, " with a pending commit": pending, " with proposals": waiting, " when closed": closed}
        alone = self.alice.create_group(b"group")
        self.process = Target(name="process", take=self.group.process, seeds=traffic, group=self.group, changes=True)
        self.targets = [
            *([self.process] * 4),
            *(
                Target(name=f"process{state}", take=group.process, seeds=traffic, group=group, changes=True)
                for state, group in (*states.items(), (" alone", alone))
            ),
            self.pure("join", carol.join, welcomes),
            self.pure("join with tree", lambda octets: carol.join(welcomes[0], ratchet_tree=octets), trees),
            self.pure("join_subgroup", self.group.join_subgroup, branch_welcomes),
            self.pure("join after reinit", next_client.join, next_welcomes),
            self.pure("examine_welcome", carol.examine_welcome, welcomes),
            self.pure("external_commit", carol.external_commit, infos),
            self.pure(
                "external_commit with tree", lambda octets: carol.external_commit(bare_info, ratchet_tree=octets), trees
            ),
            self.pure("propose_external_add", carol.propose_external_add, infos),
            self.pure("propose_remove", lambda octets: sender.propose_remove(octets, 0), infos),
            self.pure("PrivateMessageHeader", PrivateMessageHeader.from_bytes, self.corpus),
            self.pure("WelcomeHeader", WelcomeHeader.from_bytes, welcomes),
            self.pure("MessageInfo", MessageInfo.from_bytes, self.corpus),
            self.pure("KeyPackage", KeyPackage.from_bytes, [package.to_bytes(), first_package.to_bytes()]),
            self.pure("GroupInfo", GroupInfo.from_bytes, infos),
        ]
        self.add = self.pure(
            "add", lambda octets: self.group.commit_detached(add=[KeyPackage.from_bytes(octets)]), [package.to_bytes()]
        )
        self.targets.append(self.add)
        self.hostile: list[tuple[Target, Callable[[random.Random], bytes]]] = []
        if suite == mallory.SUITE and encrypted:
            self.open_insides(carol, package.to_bytes(), make_client(b"erin", rules, SignatureKeyPair.generate()))
        self.before = {
            id(target.group): self.seen(target.group)
            for target in (*self.targets, *(target for target, _ in self.hostile))
        }

        self.carols = (package.to_bytes(), carols_keys.secret_key())
        if suite == mallory.SUITE:
            self.encryption_key = mallory.parts_of(first_package.to_bytes())[1][1:33]
            self.hostile += [(self.add, self.hostile_key_package)]
        if suite == mallory.SUITE and not encrypted:
            state, _ = alices_storage.state(b"group") or (b"", b"")
            self.mallory = mallory.Mallory(keys.secret_key(), alice.context.to_bytes(), b"group", state, proposals[1])
            self.contents = [self.mallory.content(message) for message in messages]
            self.hostile += [(self.process, self.hostile_content)] * 9

    def open_insides(self, carol: Client, carols_package: bytes, erin: Client) -> None:
        """Let somebody feed what is encrypted: Welcomes to Carol, and messages to Erin, who has joined."""
        insides = Insides(carols_package, erin.generate_key_package().to_bytes())
        group = erin.join(insides.group.welcome())
        join = self.pure("join by hand", carol.join, [])
        process = Target(name="process by hand", take=group.process, seeds=[], group=group, changes=True)

        def changed(make: Callable[..., bytes]) -> Callable[[random.Random], bytes]:
            return lambda rng: make(rng, lambda octets: mutate(octets, self.corpus, rng))

        self.hostile += [(join, changed(insides.welcome)), (process, changed(insides.message))] * 3

    def pure(self, name: str, take: Callable[[bytes], object], seeds: list[bytes]) -> Target:
        """Make a target that leaves the group as it is, whatever comes."""
        return Target(name=name, take=take, seeds=seeds, group=self.group)

    def hostile_content(self, rng: random.Random) -> bytes:
        """Return a rightly authenticated message with a changed proposal or commit in it."""
        kind, content = rng.choice(self.contents)
        changed = mutate(content, [content for _, content in self.contents], rng)
        return self.mallory.seal(kind, changed)

    def hostile_key_package(self, rng: random.Random) -> bytes:
        """Return a rightly signed key package with a changed leaf."""
        package, secret_key = self.carols
        init_key, leaf = mallory.parts_of(package)
        if rng.randrange(2):
            return mallory.key_package(secret_key, init_key, mutate(leaf, [leaf], rng))
        # Keys that are no keys, or of low order; or those of somebody else.
        others = [self.alice.signing_identity.signature_key, self.encryption_key, bytes(32), b"\x01" + bytes(31), b""]
        if rng.randrange(2):
            return mallory.key_package(secret_key, rng.choice(others), leaf)
        at = leaf.find(rng.choice((leaf[1:33], leaf[34:66])))
        return mallory.key_package(secret_key, init_key, leaf[:at] + rng.choice(others[:-1]) + leaf[at + 32 :])

    @staticmethod
    def seen(group: Group) -> tuple[object, ...]:
        """Return what must not change."""
        return (group.epoch, group.epoch_authenticator, len(group.cached_proposals), group.has_pending_commit)


def mutate(message: bytes, corpus: list[bytes], rng: random.Random) -> bytes:
    """Change a message a little, or a lot."""
    octets = bytearray(message)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(octets) + 1)
        match rng.randrange(8):
            case 0 if at < len(octets):
                octets[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(octets):
                octets[at] = rng.choice(INTERESTING)
            case 2:
                del octets[at:]
            case 3:
                del octets[at : at + rng.choice((1, 2, 4, 32))]
            case 4:
                octets[at:at] = rng.randbytes(rng.choice((1, 2, 4, 32)))
            case 5:
                other = rng.choice(corpus)
                start = rng.randrange(len(other))
                octets[at:] = other[start:]
            case 6:
                # A length field (RFC 9420, section 2.1.2), often far too large.
                octets[at : at + 4] = rng.choice((b"\xbf\xff\xff\xff", b"\x80\x00\xff\xff", b"\x7f\xff", b"\x00"))
            case _:
                octets[at : at + 8] = octets[at : at + 8] * 2
    return bytes(octets)


def choose(world: World, rng: random.Random) -> tuple[Target, bytes]:
    """Choose an input and what takes it."""
    if world.hostile and not rng.randrange(3):
        target, make = rng.choice(world.hostile)
        return target, make(rng)
    target = rng.choice(world.targets)
    # Mostly what it is for, and anything at all.
    return target, mutate(rng.choice(target.seeds if rng.randrange(4) else world.corpus), world.corpus, rng)


def resident() -> int:
    """Return the most memory that the process has ever used, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def feed(world: World, target: Target, octets: bytes) -> bool:
    """Give one input to one target; say whether it was valid. Raise AssertionError."""
    begun = time.thread_time()
    try:
        target.take(octets)
    except PeerError:
        valid = False
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    else:
        valid = True
    seconds = time.thread_time() - begun
    if seconds > LONGEST_SECONDS:
        raise AssertionError(f"it took {seconds:.1f} s")
    if not (valid and target.changes) and world.seen(target.group) != world.before[id(target.group)]:
        raise AssertionError("the group has changed")
    return valid


def run(count: int, seed: int) -> None:
    """Run `count` inputs. Raise AssertionError with what to repeat."""
    rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
    honest = World(mallory.SUITE, encrypted=False)
    # What is not changed is accepted.
    package, secret_key = honest.carols
    honest.add.take(mallory.key_package(secret_key, *mallory.parts_of(package)))
    honest.group.process(honest.mallory.seal(*honest.contents[0]))
    warm = 0
    for suite, encrypted, share in WORLDS:
        world = World(suite, encrypted=encrypted)
        valid = 0
        for number in range(inputs := round(count * share)):
            if number % 1000 == 0:
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
            target, octets = choose(world, rng)
            try:
                if feed(world, target, octets):
                    valid += 1
                    if target.changes:
                        # A mutation can leave a message as it was; the next one is to meet the same state.
                        world = World(suite, encrypted=encrypted)
            except AssertionError as error:
                where = f"--seed {seed}, input {number} to {target.name}, suite {suite}, encrypted={encrypted}"
                raise AssertionError(f"{error}: {where}: {octets.hex()}") from error
            if number == inputs // 10:
                warm = warm or resident()
        world.group.process(world.good)
        sys.stdout.write(f"suite {suite}, encrypted={encrypted}: {inputs} inputs, {valid} of them still valid\n")
    faulthandler.cancel_dump_traceback_later()
    if resident() - warm > GROWTH_OCTETS:
        raise AssertionError(f"memory grew by {(resident() - warm) >> 20} MiB: --seed {seed}")


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
    begun = time.monotonic()
    run(arguments.inputs, arguments.seed)
    sys.stdout.write(f"{arguments.inputs} inputs in {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main()
