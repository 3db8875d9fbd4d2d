"""Whatever fails inside an operation, and wherever: the group is as it was, and the operation can be done again."""

from functools import partial
from itertools import count

import pytest
from mls_rs_py import (
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InMemoryPreSharedKeyStorage,
)


class Broken(Exception):
    pass


class Fuse:
    """Lets so many callbacks pass, and fails the next; without a number, all pass."""

    left: int | None = None

    def burn(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            raise Broken
        self.left -= 1


class Fragile:
    """Stands before a storage or an identity provider."""

    def __init__(self, inner, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name):
        method = getattr(self._inner, name)

        def call(*arguments):
            self._fuse.burn()
            return method(*arguments)

        return call


class Believer:
    """Believes everybody, in Python."""

    def validate_member(self, signing_identity, timestamp, context):
        pass

    def validate_external_sender(self, signing_identity, timestamp):
        pass

    def identity(self, signing_identity):
        return signing_identity.credential.identity

    def valid_successor(self, predecessor, successor):
        return True

    def supported_types(self):
        return [1]


class Scene:
    """Alice, and Bob on fragile storages, in a group that came through an epoch; Dave outside."""

    def __init__(self, person, gather) -> None:
        self.fuse = Fuse()
        # mls-rs checks key packages for branches against the system's clock.
        self.person = partial(person, options={"clock": None})
        self.bob_himself = self.person(
            "bob",
            groups=Fragile(InMemoryGroupStateStorage(), self.fuse),
            key_packages=Fragile(InMemoryKeyPackageStorage(), self.fuse),
            psks=Fragile(psks := InMemoryPreSharedKeyStorage(), self.fuse),
            identity_provider=Fragile(Believer(), self.fuse),
        )
        alice = self.person("alice")
        for storage in (psks, alice.psks):
            storage.insert(b"id", b"secret")
        self.alice, self.bob = gather(alice, self.bob_himself)
        self.late = self.alice.encrypt(b"late")
        commit = self.alice.commit()
        self.alice.apply_pending_commit()
        self.bob.process(commit.message)
        self.bob.write_to_storage()
        self.dave = self.person("dave").client.generate_key_package()

    def seen(self) -> tuple:
        group = self.bob
        proposals = [proposal.reference for proposal in group.cached_proposals]
        return (group.context, group.epoch_authenticator, group.export_tree(), proposals, group.has_pending_commit)


def process_commit(scene: Scene):
    message = scene.alice.commit(add=[scene.dave], psks=[b"id"]).message
    scene.alice.apply_pending_commit()
    return lambda: scene.bob.process(message)


def process_late_message(scene: Scene):
    return lambda: scene.bob.process(scene.late)


def commit(scene: Scene):
    def step():
        message = scene.bob.commit(add=[scene.dave], psks=[b"id"], resumption_psks=[1]).message
        scene.alice.process(message)

    return step


def commit_detached(scene: Scene):
    return lambda: scene.bob.commit_detached(add=[scene.dave])


def commit_what_was_proposed(scene: Scene):
    scene.bob.process(scene.alice.propose_add(scene.dave))
    return scene.bob.commit


def apply_pending_commit(scene: Scene):
    message = scene.bob.commit(add=[scene.dave]).message
    scene.alice.process(message)
    return scene.bob.apply_pending_commit


def apply_detached_commit(scene: Scene):
    output, secrets = scene.bob.commit_detached()
    scene.alice.process(output.message)
    return lambda: scene.bob.apply_detached_commit(secrets)


def write_to_storage(scene: Scene):
    process_commit(scene)()
    return scene.bob.write_to_storage


def branch(scene: Scene):
    package = scene.person("alice").client.generate_key_package()
    return lambda: scene.bob.branch(b"branch", [package])


def load(scene: Scene):
    return lambda: scene.bob_himself.client.load_group(b"group")


def join(scene: Scene):
    package = scene.bob_himself.client.generate_key_package()
    group = scene.person("carol").client.create_group()
    welcome = group.commit(add=[package]).welcomes[0]
    return lambda: scene.bob_himself.client.join(welcome)


def external_commit(scene: Scene):
    info = scene.alice.group_info(allow_external_commit=True)
    return lambda: scene.bob_himself.client.external_commit(info, remove=1, psks=[b"id"])


def generate_key_package(scene: Scene):
    return scene.bob_himself.client.generate_key_package


@pytest.mark.parametrize(
    "prepare",
    [
        process_commit, process_late_message, commit, commit_detached, commit_what_was_proposed,
        apply_pending_commit, apply_detached_commit, write_to_storage, branch, load, join,
        external_commit, generate_key_package,
    ],
    ids=lambda prepare: prepare.__name__,
)  # fmt: skip
def test_a_callback_that_fails_changes_nothing(prepare, person, gather):
    for passing in count():
        scene = Scene(person, gather)
        step = prepare(scene)
        before = scene.seen()
        scene.fuse.left = passing
        try:
            step()
        except Broken:
            scene.fuse.left = None
            assert scene.seen() == before
            step()
            scene.bob.clear_proposal_cache()
            scene.alice.clear_proposal_cache()
            if scene.alice.epoch != scene.bob.epoch:
                scene.bob.apply_pending_commit()
            assert scene.bob.process(scene.alice.encrypt(b"on")).data == b"on"
            assert scene.alice.process(scene.bob.encrypt(b"and on")).data == b"and on"
        else:
            break
    assert passing > 0, "nothing was called back"
