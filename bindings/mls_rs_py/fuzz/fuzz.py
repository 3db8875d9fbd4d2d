"""Feeds mutated messages to everything that takes a peer's octets.

    python fuzz/fuzz.py [--inputs N] [--seed SEED]

Each input is a real message with a few fields changed, cut, doubled, or crossed with another message; or the content of
one, changed so by a member who then authenticates it rightly (mallory.py). Whatever comes in, only a PeerError may come
out, the groups must be as they were, and memory must not grow. A failure prints the input and the seed of the
mutations; keys are new in each run.
"""

import argparse
import random
import resource
import sys
import time
from collections.abc import Callable

import mallory
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
    Rules,
    SignatureKeyPair,
)

LONGEST_SECONDS = 2.0
GROWTH_OCTETS = 64 * 1024 * 1024
INTERESTING = (0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF)


def make_client(
    name: bytes, rules: Rules, key_pair: SignatureKeyPair | None = None, groups: InMemoryGroupStateStorage | None = None
) -> Client:
    """Make a client in memory."""
    return Client(
        BasicCredential(name),
        key_pair or SignatureKeyPair.generate(),
        identity_provider=BasicIdentityProvider(),
        group_state_storage=groups or InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
        rules=rules,
    )


class World:
    """Groups at several epochs, and real messages of every kind for them that were not processed yet."""

    def __init__(self, *, encrypted: bool) -> None:
        rules = Rules(encrypt_control_messages=encrypted, padding="none")
        keys, carols_keys = SignatureKeyPair.generate(), SignatureKeyPair.generate()
        storage = InMemoryGroupStateStorage()
        self.alice = make_client(b"alice", rules, keys, storage)
        self.bob = make_client(b"bob", rules)
        self.carol = make_client(b"carol", rules, carols_keys)
        alice = self.alice.create_group(b"group")
        first_package = self.bob.generate_key_package()
        first = alice.commit(add=[first_package])
        alice.apply_pending_commit()
        self.group = self.bob.join(first.welcomes[0])
        late = [alice.encrypt(b"late %d" % number) for number in range(3)]
        update = alice.commit()
        alice.apply_pending_commit()
        self.group.process(update.message)
        self.good = alice.encrypt(b"good")
        package = self.carol.generate_key_package()
        application = [alice.encrypt(b"x" * size, authenticated_data=b"ad") for size in (0, 10, 1000)]
        info = alice.group_info(allow_external_commit=True)
        _, external = make_client(b"dave", rules).external_commit(info)
        commit, _ = alice.commit_detached(add=[package], remove=[])
        remove, _ = alice.commit_detached(remove=[1])
        proposals = [alice.propose_update(), alice.propose_remove(1), alice.propose_add(package)]
        by_reference, _ = alice.commit_detached()
        self.welcomes = [commit.welcomes[0]]
        self.corpus = [
            *late, *application, *proposals, commit.message, remove.message, by_reference.message, external, info,
            package.to_bytes(), first.welcomes[0], commit.welcomes[0],
        ]  # fmt: skip
        sender = ExternalSender(
            BasicCredential(b"server"), SignatureKeyPair.generate(), identity_provider=BasicIdentityProvider()
        )
        self.targets: list[tuple[str, Callable[[bytes], object]]] = [
            ("process", self.group.process),
            ("process", self.group.process),
            ("process", self.group.process),
            ("process alone", self.alice.create_group(b"group").process),
            ("join", self.carol.join),
            ("join_subgroup", self.group.join_subgroup),
            ("examine_welcome", self.carol.examine_welcome),
            ("external_commit", self.carol.external_commit),
            ("propose_remove", lambda octets: sender.propose_remove(octets, 0)),
            ("MessageInfo", MessageInfo.from_bytes),
            ("KeyPackage", KeyPackage.from_bytes),
            ("GroupInfo", GroupInfo.from_bytes),
            ("join with tree", lambda octets: self.carol.join(self.welcomes[0], ratchet_tree=octets)),
        ]
        self.before = self.seen(self.group)
        self.hostile: list[Callable[[random.Random], bytes]] = [self.hostile_key_package]
        self.encryption_key = mallory.parts_of(first_package.to_bytes())[1][1:33]
        self.carols = (package.to_bytes(), carols_keys.secret_key())
        if not encrypted:
            alice.write_to_storage()
            state = storage.state(b"group") or b""
            self.mallory = mallory.Mallory(keys.secret_key(), alice.context.to_bytes(), b"group", state, proposals[1])
            messages = (*proposals, commit.message, remove.message, by_reference.message)
            self.contents = [self.mallory.content(message) for message in messages]
            self.hostile += [self.hostile_content] * 9

    def hostile_content(self, rng: random.Random) -> bytes:
        """Give a rightly authenticated message with a changed proposal or commit in it."""
        kind, content = rng.choice(self.contents)
        changed = mutate(content, [content for _, content in self.contents], rng)
        return self.mallory.seal(kind, changed)

    def hostile_key_package(self, rng: random.Random) -> bytes:
        """Give a rightly signed key package with a changed leaf."""
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

    def add(self, octets: bytes) -> object:
        """Add whose key package came."""
        return self.group.commit_detached(add=[KeyPackage.from_bytes(octets)])

    @staticmethod
    def seen(group: Group) -> tuple[object, ...]:
        """Give what must not change."""
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


def choose(world: World, rng: random.Random) -> tuple[str, Callable[[bytes], object], bytes]:
    """Choose an input and what takes it."""
    if rng.randrange(3):
        return *rng.choice(world.targets), mutate(rng.choice(world.corpus), world.corpus, rng)
    hostile = rng.choice(world.hostile)
    octets = hostile(rng)
    return (
        ("add", world.add, octets) if hostile == world.hostile_key_package else ("process", world.group.process, octets)
    )


def resident() -> int:
    """Give the most memory that the process has ever used, in octets."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def feed(world: World, name: str, target: Callable[[bytes], object], octets: bytes) -> bool:
    """Give one input to one target; say whether it was valid. Raises AssertionError."""
    begun = time.monotonic()
    try:
        target(octets)
    except PeerError:
        valid = False
    except BaseException as error:
        raise AssertionError(f"{type(error).__name__}: {error}") from error
    else:
        valid = True
    seconds = time.monotonic() - begun
    if seconds > LONGEST_SECONDS:
        raise AssertionError(f"it took {seconds:.1f} s")
    if not (valid and name == "process") and world.seen(world.group) != world.before:
        raise AssertionError("the group has changed")
    return valid


def run(count: int, seed: int) -> None:
    """Run `count` inputs. Raises AssertionError with what to repeat."""
    rng = random.Random(seed)  # noqa: S311  # repeatable, not secret
    honest = World(encrypted=False)
    # What is not changed is accepted.
    package, secret_key = honest.carols
    honest.add(mallory.key_package(secret_key, *mallory.parts_of(package)))
    honest.group.process(honest.mallory.seal(*honest.contents[0]))
    warm = 0
    for encrypted in (True, False):
        world = World(encrypted=encrypted)
        valid = 0
        for number in range(count // 2):
            name, target, octets = choose(world, rng)
            try:
                if feed(world, name, target, octets):
                    valid += 1
                    if name == "process":
                        # A mutation can leave a message as it was; the next one shall meet the same state.
                        world = World(encrypted=encrypted)
            except AssertionError as error:
                where = f"--seed {seed}, input {number} to {name}, encrypted={encrypted}"
                raise AssertionError(f"{error}: {where}: {octets.hex()}") from error
            if number == count // 20:
                warm = warm or resident()
        world.group.process(world.good)
        sys.stdout.write(f"encrypted={encrypted}: {count // 2} inputs, {valid} of them still valid\n")
    if resident() - warm > GROWTH_OCTETS:
        raise AssertionError(f"memory grew by {(resident() - warm) >> 20} MiB: --seed {seed}")


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    arguments = parser.parse_args()
    begun = time.monotonic()
    run(arguments.inputs, arguments.seed)
    sys.stdout.write(f"seed {arguments.seed}: {arguments.inputs} inputs in {time.monotonic() - begun:.0f} s\n")


if __name__ == "__main__":
    main()
