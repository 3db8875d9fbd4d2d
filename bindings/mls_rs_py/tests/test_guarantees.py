"""What this package promises beyond RFC 9420: all or nothing, whose fault it is, limits, threads, no secrets shown."""

import hashlib
import pickle
import re
import resource
import sys
import threading
import time
from functools import partial

import mls_rs_py
import pytest
from hypothesis import settings
from mls_rs_py import (
    BasicCredential,
    BasicIdentityProvider,
    Client,
    CommitRequiredError,
    CommitSecrets,
    CustomCredential,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InvalidIdentityError,
    KeyPackage,
    LimitExceededError,
    Limits,
    MessageKeyError,
    PeerError,
    ReentrancyError,
    Rules,
    SignatureKeyPair,
    StaleCommitError,
    StorageError,
)

NOW = 1_800_000_000


def everything(group) -> tuple:
    """All that can be seen of a group's state."""
    return (
        group.epoch,
        group.epoch_authenticator,
        group.export_tree(),
        group.has_pending_commit,
        [proposal.reference for proposal in group.cached_proposals],
        group.roster(),
        group.context,
    )


class Broken(Exception):
    pass


class MoodyStorage(InMemoryGroupStateStorage):
    """Fails when told to."""

    failing: str | None = None

    def _check(self, method):
        if self.failing == method:
            raise Broken(method)

    def write(self, *arguments):
        self._check("write")
        super().write(*arguments)

    def epoch(self, *arguments):
        self._check("epoch")
        return super().epoch(*arguments)

    def max_epoch_id(self, *arguments):
        self._check("max_epoch_id")
        return super().max_epoch_id(*arguments)

    def state(self, *arguments):
        self._check("state")
        return super().state(*arguments)


class Gatekeeper:
    """Accepts custom credentials of type 0xF100 unless told otherwise."""

    def __init__(self):
        self.refused = None
        self.validated = []

    def validate_member(self, signing_identity, timestamp, context):
        self.validated.append(signing_identity.credential.data)
        if self.refused and signing_identity.credential.data == self.refused[0]:
            raise self.refused[1]

    def validate_external_sender(self, signing_identity, timestamp):
        raise InvalidIdentityError("no external senders")

    def identity(self, signing_identity):
        return signing_identity.credential.data

    def valid_successor(self, predecessor, successor):
        return predecessor.credential == successor.credential

    def supported_types(self):
        return [0xF100]


# -- all or nothing


def test_a_forged_message_uses_up_no_key(pair):
    alice, bob = pair
    message = alice.encrypt(b"the real one" * 10)
    for position in range(len(message)):
        forged = bytearray(message)
        forged[position] ^= 1
        with pytest.raises(PeerError):
            bob.process(bytes(forged))
    assert bob.process(message).data == b"the real one" * 10


@pytest.mark.parametrize("before", [0, 1, 127, 128, 129, 260])
def test_a_forged_message_among_many_good_ones(pair, before):
    alice, bob = pair
    late = alice.encrypt(b"late")
    for number in range(before):
        assert bob.process(alice.encrypt(b"%d" % number)).data == b"%d" % number
        assert alice.process(bob.encrypt(b"%d" % number)).data == b"%d" % number
    good = alice.encrypt(b"good")
    forged = good[:-1] + bytes([good[-1] ^ 1])
    for _ in range(2):
        with pytest.raises(PeerError):
            bob.process(forged)
    assert bob.process(good).data == b"good"
    assert bob.process(late).data == b"late"
    for seen in (good, late):
        with pytest.raises(MessageKeyError):
            bob.process(seen)
    # What Bob sends goes on where it was: no key is used twice, none left out.
    assert alice.process(bob.encrypt(b"on")).data == b"on"


def test_an_encryption_that_is_refused_uses_no_key(pair):
    alice, bob = pair
    alice.encrypt(b"one")
    proposal = bob.propose_update()
    alice.process(proposal)
    with pytest.raises(CommitRequiredError):
        alice.encrypt(b"x")
    alice.clear_proposal_cache()
    bob.clear_proposal_cache()
    assert bob.process(alice.encrypt(b"two")).data == b"two"


def test_a_forged_commit_changes_nothing(person, gather):
    alice, bob, _ = gather(*(person(name) for name in ("alice", "bob", "carol")))
    bob.process(alice.propose_remove(2))
    commit = alice.commit()
    before = everything(bob)
    for position in range(0, len(commit.message), 7):
        forged = bytearray(commit.message)
        forged[position] ^= 0x80
        with pytest.raises(PeerError):
            bob.process(bytes(forged))
        assert everything(bob) == before
    alice.apply_pending_commit()
    bob.process(commit.message)
    assert bob.epoch_authenticator == alice.epoch_authenticator


def test_a_storage_that_fails_leaves_the_group_as_it_was(person, gather):
    storage = MoodyStorage()
    alice, bob = gather(person("alice"), person("bob", groups=storage))
    commits = []
    for _ in range(3):
        commits.append(alice.commit().message)
        alice.apply_pending_commit()
    bob.process(commits[0])
    bob.write_to_storage()
    before = everything(bob)
    storage.failing = "max_epoch_id"
    with pytest.raises(Broken):
        bob.process(commits[1])
    assert everything(bob) == before
    storage.failing = None
    bob.process(commits[1])
    storage.failing = "write"
    with pytest.raises(Broken):
        bob.write_to_storage()
    storage.failing = None
    bob.process(commits[2])
    bob.write_to_storage()
    assert bob.epoch_authenticator == alice.epoch_authenticator
    assert storage.max_epoch_id(b"group") == 3


def test_a_key_package_storage_that_fails_can_be_tried_again(person):
    alice, bob = person("alice"), person("bob")
    commit = alice.client.create_group(b"group").commit(add=[bob.client.generate_key_package()])
    group = bob.client.join(commit.welcomes[0])
    delete = bob.key_packages.delete
    bob.key_packages.delete = lambda reference: (_ for _ in ()).throw(Broken)
    with pytest.raises(Broken):
        group.write_to_storage()
    bob.key_packages.delete = delete
    group.write_to_storage()
    assert len(bob.key_packages) == 0


def test_a_commit_that_fails_leaves_nothing_pending(person, pair):
    alice, _ = pair
    carol = person("carol").client.generate_key_package()
    with pytest.raises(mls_rs_py.MlsError):
        alice.commit(add=[carol, carol])
    assert not alice.has_pending_commit
    alice.commit(add=[carol])


# -- detached commits


def test_a_detached_commit_is_applied_later(pair):
    alice, bob = pair
    commit, secrets = alice.commit_detached()
    assert not alice.has_pending_commit
    kept = secrets.to_bytes()
    bob.process(alice.encrypt(b"meanwhile"))
    alice.apply_detached_commit(CommitSecrets.from_bytes(kept))
    bob.process(commit.message)
    assert alice.epoch_authenticator == bob.epoch_authenticator


def test_a_detached_commit_outlives_the_process(person, gather):
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    commit, secrets = alice.commit_detached()
    kept = secrets.to_bytes()
    alice.write_to_storage()
    loaded = people[0].client.load_group(b"group")
    loaded.apply_detached_commit(CommitSecrets.from_bytes(kept))
    bob.process(commit.message)
    assert loaded.epoch_authenticator == bob.epoch_authenticator


def test_a_detached_commit_of_another_group_is_refused(person, gather, pair):
    alice, _ = pair
    other, _ = gather(person("alice"), person("bob"), group_id=b"other")
    _, secrets = other.commit_detached()
    before = everything(alice)
    with pytest.raises(StaleCommitError):
        alice.apply_detached_commit(secrets)
    assert everything(alice) == before


def test_one_of_several_detached_commits_wins(pair):
    alice, bob = pair
    (first, first_secrets), (_, second_secrets) = alice.commit_detached(), alice.commit_detached()
    alice.apply_detached_commit(first_secrets)
    with pytest.raises(StaleCommitError):
        alice.apply_detached_commit(second_secrets)
    bob.process(first.message)
    assert alice.epoch_authenticator == bob.epoch_authenticator


def test_a_detached_commit_of_another_branch_is_refused(person, gather):
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    other_branch = people[0].client.load_group(b"group")
    other_branch.commit()
    other_branch.apply_pending_commit()
    _, secrets = other_branch.commit_detached()
    bobs = bob.commit()
    alice.process(bobs.message)
    assert alice.epoch == other_branch.epoch
    with pytest.raises(StaleCommitError):
        alice.apply_detached_commit(secrets)


def test_a_detached_commit_leaves_no_pending_one_behind(pair):
    alice, _ = pair
    _, secrets = alice.commit_detached()
    alice.commit()
    alice.apply_detached_commit(secrets)
    assert not alice.has_pending_commit
    assert alice.epoch == 2


# -- whose fault it is


@pytest.mark.parametrize("octets", [b"", b"\x00", b"\x00\x01\x00\x05", bytes(1000), b"\xff" * 1000])
def test_garbage_is_the_peers_fault(person, pair, octets):
    alice, _ = pair
    client = person("carol").client
    for call in (alice.process, client.join, client.examine_welcome, client.external_commit, KeyPackage.from_bytes):
        with pytest.raises(PeerError):
            call(octets)


def test_a_message_of_another_group_is_the_peers_fault(person, pair, gather):
    other, _ = gather(person("alice"), person("bob"), group_id=b"other")
    with pytest.raises(PeerError):
        pair[1].process(other.encrypt(b"x"))


def test_nothing_is_done_on_a_tree_that_was_not_written_with_the_state(person, gather):
    """Not on that of another epoch, nor on one with a single octet changed, whatever the storage says it is."""
    alice, bob = person("alice"), person("bob")
    group, _ = gather(alice, bob)
    _, earlier = alice.groups.state(b"group")
    group.commit()
    group.apply_pending_commit()
    group.write_to_storage()
    state, tree = alice.groups.state(b"group")
    head = [tree[:at] + earlier[at:] for at in range(1, 64)]
    wrong = {earlier, b"", tree[:-1], tree + b"x", *flips(tree), *head} - {tree}
    for each in wrong:
        alice.groups.state = lambda group_id, each=each: (state, each)
        with pytest.raises(StorageError):
            alice.client.load_group(b"group")
    alice.groups.state = lambda group_id: (state, tree)
    assert alice.client.load_group(b"group").epoch == group.epoch


def flips(octets):
    """What one damaged octet makes of these."""
    return [
        octets[:at] + bytes([octets[at] ^ bit]) + octets[at + 1 :] for at in range(len(octets)) for bit in (1, 0xFF)
    ]


def test_nothing_is_done_on_a_state_that_is_not_as_it_was_written(person, gather):
    alice = person("alice")
    gather(alice, person("bob"))
    state, tree = alice.groups.state(b"group")
    for each in [*flips(state), state[:-1], state + b"x", b""]:
        alice.groups.state = lambda group_id, each=each: (each, tree)
        with pytest.raises(StorageError):
            alice.client.load_group(b"group")


def test_no_message_is_read_by_an_epoch_that_is_not_as_it_was_written(person, gather):
    alice, bob = person("alice"), person("bob")
    ours, theirs = gather(alice, bob)
    late = theirs.encrypt(b"late")
    ours.commit()
    ours.apply_pending_commit()
    ours.write_to_storage()
    group = alice.client.load_group(b"group")
    epoch = alice.groups.epoch(b"group", 1)
    for each in [*flips(epoch), epoch[:-1], epoch + b"x", b""]:
        alice.groups.epoch = lambda group_id, epoch_id, each=each: each
        with pytest.raises(StorageError):
            group.process(late)
    alice.groups.epoch = lambda group_id, epoch_id: epoch
    assert group.process(late).data == b"late"


@pytest.mark.parametrize("suite", [1, 2, 3, 7])
def test_a_trees_id_is_its_hash(person, gather, suite):
    written = []

    class Storage(InMemoryGroupStateStorage):
        def write(self, group_id, state, tree, *epochs):
            written.append(tree)
            super().write(group_id, state, tree, *epochs)

    alice = person("alice", suite=suite, groups=Storage())
    gather(alice, person("bob", suite=suite))
    group = alice.client.load_group(b"group")
    group.encrypt(b"x")
    group.write_to_storage()
    first, second = written
    assert first == second
    assert first[0] == hashlib.sha256(first[1]).digest()
    group.commit()
    group.apply_pending_commit()
    group.write_to_storage()
    assert written[2][0] == hashlib.sha256(written[2][1]).digest() != first[0]


def test_a_damaged_state_is_the_storages_fault(person):
    alice = person("alice")
    alice.client.create_group(b"group").write_to_storage()
    state, tree = alice.groups.state(b"group")
    alice.client.create_group(b"other").write_to_storage()
    _, other_tree = alice.groups.state(b"other")
    damaged = [(each, tree) for each in (b"", b"\x09" + state[1:], state[:40], state[:1] + b"\xff" * 30)]
    for stored in (*damaged, (state, b""), (state, tree[:-1]), (state, other_tree)):
        alice.groups.write(b"group", stored[0], (bytes(32), stored[1]), [], [])
        with pytest.raises(StorageError):
            alice.client.load_group(b"group")


def test_a_storage_that_forgets_epochs_is_noticed(person):
    class Forgetful(InMemoryGroupStateStorage):
        def max_epoch_id(self, group_id):
            return 77

    alice = person("alice", groups=Forgetful()).client.create_group()
    alice.commit()
    with pytest.raises(StorageError):
        alice.apply_pending_commit()


def test_every_error_is_somebodys_fault_and_says_what_to_do():
    for name, kind in vars(mls_rs_py.errors).items():
        if isinstance(kind, type) and kind is not mls_rs_py.MlsError and issubclass(kind, mls_rs_py.MlsError):
            faults = (PeerError, mls_rs_py.CallerError, StorageError, mls_rs_py.PlatformError)
            assert sum(issubclass(kind, fault) for fault in faults) == 1, name
            assert kind.remedy, name
            assert str(kind("What happened.")) == f"What happened. {kind.remedy}"


def test_errors_say_what_to_do(pair):
    alice, bob = pair
    message = alice.encrypt(b"x")
    bob.process(message)
    with pytest.raises(MessageKeyError, match="Drop the message: the group is as it was"):
        bob.process(message)


# -- identities


@pytest.fixture
def custom(person):
    def make(name: str, gatekeeper: Gatekeeper):
        made = person(name)
        made.client = mls_rs_py.Client(
            CustomCredential(0xF100, name.encode()),
            made.key_pair,
            identity_provider=gatekeeper,
            group_state_storage=made.groups,
            key_package_storage=made.key_packages,
            clock=lambda: NOW,
        )
        return made

    return make


def test_every_leaf_is_validated_on_every_way_in(custom):
    providers = [Gatekeeper() for _ in range(3)]
    alice, bob, carol = (custom(name, provider) for name, provider in zip("abc", providers, strict=True))
    group = alice.client.create_group(b"group")
    commit = group.commit(add=[bob.client.generate_key_package()])
    group.apply_pending_commit()
    assert b"b" in providers[0].validated
    bobs = bob.client.join(commit.welcomes[0])
    assert {b"a", b"b"} <= set(providers[1].validated)
    providers[1].validated.clear()
    commit = group.commit(add=[carol.client.generate_key_package()])
    bobs.process(commit.message)
    assert {b"a", b"c"} <= set(providers[1].validated)


@pytest.mark.parametrize("error", [InvalidIdentityError("not her"), Broken("down")])
def test_what_the_identity_provider_raises_comes_out_as_itself(custom, error):
    gatekeeper = Gatekeeper()
    alice, mallory, bob = custom("a", Gatekeeper()), custom("m", Gatekeeper()), custom("b", gatekeeper)
    group = alice.client.create_group(b"group")
    commit = group.commit(add=[bob.client.generate_key_package()])
    group.apply_pending_commit()
    bobs = bob.client.join(commit.welcomes[0])
    gatekeeper.refused = (b"m", error)
    package = mallory.client.generate_key_package()
    before = everything(bobs)
    for call in (
        lambda: bobs.process(group.commit(add=[package]).message),
        lambda: bobs.commit(add=[package]),
    ):
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
        assert everything(bobs) == before


def test_a_refused_proposal_is_left_out_and_a_failing_provider_is_not_ignored(custom):
    gatekeeper = Gatekeeper()
    alice, mallory, bob = custom("a", Gatekeeper()), custom("m", Gatekeeper()), custom("b", gatekeeper)
    group = alice.client.create_group(b"group")
    commit = group.commit(add=[bob.client.generate_key_package()])
    group.apply_pending_commit()
    bobs = bob.client.join(commit.welcomes[0])
    bobs.process(group.propose_add(mallory.client.generate_key_package()))
    gatekeeper.refused = (b"m", Broken("down"))
    with pytest.raises(Broken):
        bobs.commit()
    gatekeeper.refused = (b"m", InvalidIdentityError("not her"))
    assert len(bobs.commit().unused_proposals) == 1


# -- limits


def test_skipped_keys_stay_few_and_the_newest_stay_usable(person, gather):
    limits = Limits(max_skipped_keys=10)
    people = [person("alice"), person("bob", options={"limits": limits})]
    alice, bob = gather(*people)
    messages = [alice.encrypt(b"%d" % number) for number in range(200)]
    sizes = []
    for number in range(99, 200, 20):
        assert bob.process(messages[number]).data == b"%d" % number
        bob.write_to_storage()
        sizes.append(len(people[1].groups.state(b"group")[0]))
    assert max(sizes) == min(sizes)
    bob = people[1].client.load_group(b"group")
    assert bob.process(messages[198]).data == b"198"
    with pytest.raises(MessageKeyError):
        bob.process(messages[150])


def test_skipped_keys_of_a_past_epoch_are_bounded(person, gather):
    limits = Limits(max_skipped_keys=10)
    alice, bob = gather(person("alice"), person("bob", options={"limits": limits}))
    messages = [alice.encrypt(b"%d" % number) for number in range(50)]
    bob.process(alice.commit().message)
    with pytest.raises(LimitExceededError):
        bob.process(messages[11])
    assert bob.process(messages[10]).data == b"10"


@pytest.mark.fuzz
def test_messages_out_of_order_take_no_more_room_when_there_are_more_of_them(person, gather):
    """With `make fuzz`, 100,000 of them."""
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    rooms, peaks = [], []
    for _ in range(100 if settings.get_current_profile_name() == "fuzz" else 14):
        # What a hostile sender can do: as much as may be missing, again and again; the newest comes first.
        *others, newest = (alice.encrypt(b"x") for _ in range(1000))
        for message in (newest, *others[-20::7]):
            bob.process(message)
        bob.write_to_storage()
        rooms.append(len(people[1].groups.state(b"group")[0]))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert max(rooms[10:]) < 1.1 * rooms[10] < 200_000
    assert peaks[-1] - peaks[10] < 16 * 1024, "KiB"


def test_steps_forward_are_bounded(person, gather):
    alice, bob = gather(person("alice"), person("bob", options={"limits": Limits(max_forward_steps=5)}))
    messages = [alice.encrypt(b"%d" % number) for number in range(10)]
    with pytest.raises(LimitExceededError):
        bob.process(messages[6])
    bob.process(messages[5])
    bob.process(messages[0])


def test_waiting_proposals_are_bounded(person, gather):
    options = {"limits": Limits(max_cached_proposals=3)}
    people = [person(name, options=options) for name in "abcdef"]
    alice, *others = gather(*people)
    for other in others[:3]:
        alice.process(other.propose_update())
    with pytest.raises(LimitExceededError):
        alice.process(others[3].propose_update())
    assert len(alice.cached_proposals) == 3


# -- threads and re-entry


def test_a_callback_that_calls_back_is_told_so(person):
    class Nosy(InMemoryGroupStateStorage):
        target = None

        def write(self, *arguments):
            if self.target:
                self.target()
            super().write(*arguments)

    storage = Nosy()
    alice = person("alice", groups=storage)
    group, other = alice.client.create_group(b"group"), alice.client.create_group(b"other")
    for call in (
        lambda: group.epoch,
        lambda: group.encrypt(b"x"),
        lambda: other.encrypt(b"x"),
        alice.client.create_group,
    ):
        storage.target = call
        with pytest.raises(ReentrancyError):
            group.write_to_storage()
    # Plain values are not groups.
    storage.target = lambda: alice.client.signing_identity
    group.write_to_storage()


def test_a_callback_that_waits_for_a_thread_with_the_same_group_goes_on(person):
    outcomes = []

    class Waiting(InMemoryGroupStateStorage):
        def write(self, *arguments):
            def use():
                with pytest.raises(ReentrancyError):
                    group.encrypt(b"x")
                with pytest.raises(ReentrancyError):
                    _ = group.epoch
                outcomes.append("refused")

            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            super().write(*arguments)

    storage = Waiting()
    group = person("alice", groups=storage, options={"callback_patience": 0.05}).client.create_group(b"group")
    group.write_to_storage()
    assert outcomes == ["refused"]
    assert storage.state(b"group") is not None
    assert group.epoch == 0
    group.encrypt(b"x")


def test_a_thread_waits_for_a_callback_that_ends(person):
    threads, seen = [], []

    class Slow(InMemoryGroupStateStorage):
        def write(self, *arguments):
            started = threading.Event()

            def look():
                started.set()
                seen.append(group.epoch)

            threads.append(threading.Thread(target=look))
            threads[-1].start()
            started.wait()
            super().write(*arguments)

    group = person("alice", groups=Slow()).client.create_group(b"group")
    group.write_to_storage()
    threads[0].join()
    assert seen == [0]


@pytest.mark.parametrize("patience", [-1.0, float("nan"), float("inf")])
def test_patience_is_a_number_of_seconds(person, patience):
    with pytest.raises(ValueError, match="callback_patience"):
        person("alice", options={"callback_patience": patience})


def test_threads_share_a_group(pair):
    alice, bob = pair
    messages, errors = [], []

    def send(number):
        try:
            messages.extend(alice.encrypt(b"%d" % (number * 1000 + count)) for count in range(50))
        except BaseException as error:  # noqa: BLE001  # any failure in a thread must reach the test
            errors.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    received = {bob.process(message).data for message in messages}
    assert len(received) == 200


def test_an_identity_provider_that_calls_back_is_told_so(custom):
    class Nosy(Gatekeeper):
        group = None

        def validate_member(self, signing_identity, timestamp, context):
            if self.group is not None:
                self.group.encrypt(b"x")

    nosy = Nosy()
    alice = custom("a", nosy)
    group = nosy.group = alice.client.create_group(b"group")
    package = custom("b", Gatekeeper()).client.generate_key_package()
    before = everything(group)
    with pytest.raises(ReentrancyError):
        group.commit(add=[package])
    assert everything(group) == before
    nosy.group = None
    group.commit(add=[package])


def test_threads_read_write_and_step_one_group(person, gather):
    people = [person("alice"), person("bob")]
    alice, bob = gather(*people)
    messages = iter([alice.encrypt(b"%d" % number) for number in range(200)])
    lock, errors, received = threading.Lock(), [], []

    def use():
        try:
            while True:
                with lock:
                    message = next(messages)
                received.append(bob.process(message).data)
                bob.write_to_storage()
                assert bob.epoch == 1
                assert len(bob.roster()) == 2
                bob.encrypt(b"x")
                bob.commit_detached()
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001  # any failure in a thread must reach the test
            errors.append(error)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(map(int, received)) == list(range(200))
    loaded = people[1].client.load_group(b"group")
    assert loaded.epoch_authenticator == alice.epoch_authenticator


@pytest.fixture
def ticks():
    """Another thread counts whenever it may; it may only when this one lets go of the interpreter."""
    interval, stop, started, counted = sys.getswitchinterval(), threading.Event(), threading.Event(), [0]

    def tick():
        while not stop.is_set():
            counted[0] += 1
            started.set()
            time.sleep(0)  # lets go of the interpreter

    thread = threading.Thread(target=tick)
    sys.setswitchinterval(1000)
    thread.start()
    started.wait()
    yield counted
    stop.set()
    thread.join()
    sys.setswitchinterval(interval)


MEGABYTE = bytes(2**20)


def cryptography(people, alice, bob) -> dict:
    """Return operations that take a while, whatever they are usually given."""
    carol = Client(
        BasicCredential(MEGABYTE),
        SignatureKeyPair.generate(),
        identity_provider=BasicIdentityProvider(),
        group_state_storage=InMemoryGroupStateStorage(),
        key_package_storage=InMemoryKeyPackageStorage(),
        clock=lambda: NOW,
    )
    package = carol.generate_key_package()
    octets, info = package.to_bytes(), alice.group_info(allow_external_commit=True)
    messages = iter([alice.encrypt(MEGABYTE) for _ in range(20)])
    return {
        "generate": partial(SignatureKeyPair.generate, 7),
        "from_secret": partial(SignatureKeyPair.from_secret, b"\x01" * 48, 7),
        "KeyPackage.from_bytes": partial(KeyPackage.from_bytes, octets, limits=Limits(max_key_package_octets=2**21)),
        "generate_key_package": carol.generate_key_package,
        "create_group": carol.create_group,
        "encrypt": partial(alice.encrypt, MEGABYTE),
        "process": lambda: bob.process(next(messages)),
        "export_secret": partial(alice.export_secret, b"label", MEGABYTE, 32),
        "group_info": partial(alice.group_info, allow_external_commit=True),
        "propose_update": alice.propose_update,
        "commit_detached": partial(alice.commit_detached, add=[package]),
        "external_commit": partial(people[1].client.external_commit, info, remove=1),
    }


def test_the_interpreter_is_released_where_there_is_cryptography(person, gather, ticks):
    people = [person("alice"), person("bob")]
    for name, operation in cryptography(people, *gather(*people)).items():
        before = ticks[0]
        # One may be over before the other thread has woken up.
        for _ in range(20 if name == "process" else 2000):
            operation()
            if ticks[0] > before:
                break
        assert ticks[0] > before, f"no other thread could go on during {name}"


# -- secrets


def test_nothing_shows_secrets(person, gather):
    alice, bob = person("alice"), person("bob")
    group, bobs = gather(alice, bob)
    _, secrets = group.commit_detached()
    message = bobs.process(group.encrypt(b"plaintext"))
    secret = alice.key_pair.secret_key()
    for value in (alice.key_pair, secrets, message, group, alice.client, group.own_identity, group.roster()[0]):
        shown = repr(value) + str(value)
        assert "plaintext" not in shown
        assert secret.hex()[:8] not in shown
        assert str(list(secret[:4]))[1:-1] not in shown
        with pytest.raises(TypeError):
            pickle.dumps(value)


NOT_OF_THE_RFC = {
    "CallerError",
    "GroupNotFoundError",
    "MlsError",
    "OwnMessageError",
    "PlatformError",
    "ReentrancyError",
    "StorageError",
}


def test_every_public_name_is_documented():
    for name in mls_rs_py.__all__:
        value = getattr(mls_rs_py, name)
        if not isinstance(value, type):
            continue
        assert value.__doc__, name
        # Where the RFC has nothing to say, there is no section to name.
        assert name in NOT_OF_THE_RFC or re.search(r"sections? \d|draft-", value.__doc__), name
        for attribute, member in vars(value).items():
            if not attribute.startswith("_"):
                assert getattr(member, "__doc__", None), f"{name}.{attribute}"


def test_rules_and_limits_can_be_compared_and_seen():
    assert Rules() == Rules(path_required=True)
    assert Limits() != Limits(max_past_epochs=6)
    assert "max_past_epochs: 5" in repr(Limits())
    assert hash(BasicCredential(b"a")) == hash(BasicCredential(b"a"))
