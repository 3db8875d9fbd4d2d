"""Live interoperation with another MLS implementation, behind a driver that speaks one JSON value a line.

    python interop/live.py [--suite 1] [--steps 200] [--seed SEED] -- DRIVER...

A random script of adds, removes, updates, external commits and messages, by members of either implementation in either
direction; after each step all members must have the same epoch authenticator and exported secret. A failure prints the
seed and the step.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from mls_rs_py import (
    ApplicationMessage,
    BasicCredential,
    BasicIdentityProvider,
    Client,
    Group,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    KeyPackage,
    SignatureKeyPair,
)

State = tuple[int, str, str]


class Member(ABC):
    """A member of the one group, on whatever implementation."""

    @abstractmethod
    def key_package(self) -> bytes: ...
    @abstractmethod
    def create(self, group_id: bytes) -> None: ...
    @abstractmethod
    def join(self, welcome: bytes) -> None: ...
    @abstractmethod
    def add(self, key_packages: Sequence[bytes]) -> tuple[bytes, bytes]: ...
    @abstractmethod
    def remove(self, index: int) -> bytes: ...
    @abstractmethod
    def update(self) -> bytes: ...
    @abstractmethod
    def apply(self) -> None: ...
    @abstractmethod
    def encrypt(self, data: bytes) -> bytes: ...
    @abstractmethod
    def process(self, message: bytes) -> bytes | None: ...
    @abstractmethod
    def group_info(self) -> bytes: ...
    @abstractmethod
    def external_commit(self, group_info: bytes) -> bytes: ...
    @abstractmethod
    def look(self) -> State: ...
    @abstractmethod
    def own_index(self) -> int: ...
    def close(self) -> None:  # noqa: B027  # not everyone holds something open
        """End whatever stands behind the member."""


class Ours(Member):
    """A member on mls-rs-py, which loads its group anew for each step."""

    def __init__(self, name: str, suite: int) -> None:
        self.client = Client(
            BasicCredential(name.encode()),
            SignatureKeyPair.generate(suite),
            identity_provider=BasicIdentityProvider(),
            group_state_storage=InMemoryGroupStateStorage(),
            key_package_storage=InMemoryKeyPackageStorage(),
        )
        self.group_id = b""

    @property
    def group(self) -> Group:
        return self.client.load_group(self.group_id)

    def _keep(self, group: Group) -> None:
        self.group_id = group.group_id
        group.write_to_storage()

    def key_package(self) -> bytes:
        return self.client.generate_key_package().to_bytes()

    def create(self, group_id: bytes) -> None:
        self._keep(self.client.create_group(group_id))

    def join(self, welcome: bytes) -> None:
        self._keep(self.client.join(welcome))

    def add(self, key_packages: Sequence[bytes]) -> tuple[bytes, bytes]:
        group = self.group
        commit = group.commit(add=[KeyPackage.from_bytes(each) for each in key_packages])
        self._keep(group)
        return commit.message, commit.welcomes[0]

    def remove(self, index: int) -> bytes:
        group = self.group
        commit = group.commit(remove=[index])
        self._keep(group)
        return commit.message

    def update(self) -> bytes:
        group = self.group
        commit = group.commit()
        self._keep(group)
        return commit.message

    def apply(self) -> None:
        group = self.group
        group.apply_pending_commit()
        self._keep(group)

    def encrypt(self, data: bytes) -> bytes:
        group = self.group
        message = group.encrypt(data)
        self._keep(group)
        return message

    def process(self, message: bytes) -> bytes | None:
        group = self.group
        received = group.process(message)
        self._keep(group)
        return received.data if isinstance(received, ApplicationMessage) else None

    def group_info(self) -> bytes:
        return self.group.group_info(allow_external_commit=True)

    def external_commit(self, group_info: bytes) -> bytes:
        group, commit = self.client.external_commit(group_info)
        self._keep(group)
        return commit

    def look(self) -> State:
        group = self.group
        return group.epoch, group.epoch_authenticator.hex(), group.export_secret(b"label", b"context", 32).hex()

    def own_index(self) -> int:
        return self.group.own_index


class Theirs(Member):
    """A member behind a driver."""

    def __init__(self, name: str, suite: int, driver: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # closed in close()
            driver, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._ask("start", name=name, suite=suite)

    def _ask(self, command: str, **arguments: Any) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"do": command} | arguments) + "\n")
        answer = json.loads(stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"the driver could not {command}: {answer['error']}")
        return answer["ok"]

    def _octets(self, command: str, **arguments: Any) -> bytes:
        return bytes.fromhex(self._ask(command, **arguments))

    def key_package(self) -> bytes:
        return self._octets("key_package")

    def create(self, group_id: bytes) -> None:
        self._ask("create", group_id=group_id.hex())

    def join(self, welcome: bytes) -> None:
        self._ask("join", message=welcome.hex())

    def add(self, key_packages: Sequence[bytes]) -> tuple[bytes, bytes]:
        answer = self._ask("add", key_packages=[each.hex() for each in key_packages])
        return bytes.fromhex(answer["commit"]), bytes.fromhex(answer["welcome"])

    def remove(self, index: int) -> bytes:
        return self._octets("remove", index=index)

    def update(self) -> bytes:
        return self._octets("update")

    def apply(self) -> None:
        self._ask("apply")

    def encrypt(self, data: bytes) -> bytes:
        return self._octets("encrypt", data=data.hex())

    def process(self, message: bytes) -> bytes | None:
        answer = self._ask("process", message=message.hex())
        return None if answer is None else bytes.fromhex(answer)

    def group_info(self) -> bytes:
        return self._octets("group_info")

    def external_commit(self, group_info: bytes) -> bytes:
        return self._octets("external_commit", message=group_info.hex())

    def look(self) -> State:
        answer = self._ask("look")
        return answer["epoch"], answer["epoch_authenticator"], answer["exported"]

    def own_index(self) -> int:
        index: int = self._ask("look")["own_index"]
        return index

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Script:
    """A group of both kinds of members, and what happens to it."""

    def __init__(self, rng: random.Random, suite: int, driver: Sequence[str], most: int) -> None:
        self._rng, self._suite, self._driver, self._most = rng, suite, driver, most
        self._count = 0
        self.members: list[Member] = []
        first = self._newcomer()
        first.create(rng.randbytes(16))
        self.members.append(first)

    def _newcomer(self) -> Member:
        self._count += 1
        name = f"member {self._count}"
        return self._rng.choice((Ours, lambda *arguments: Theirs(*arguments, self._driver)))(name, self._suite)

    def step(self) -> str:
        """Do something at random, and compare all members; give its name."""
        names = ["update", "message", "messages"]
        names += ["add", "add", "external"] if len(self.members) < self._most else []
        names += ["remove"] if len(self.members) > 1 else []
        name = self._rng.choice(names)
        getattr(self, f"_{name}")(self._rng.choice(self.members))
        states = {member.look() for member in self.members}
        if len(states) != 1:
            raise AssertionError(f"after {name}, {len(self.members)} members are in {len(states)} states")
        return name

    def _spread(self, committer: Member, commit: bytes) -> None:
        for member in self.members:
            if member is not committer:
                member.process(commit)
        committer.apply()

    def _update(self, committer: Member) -> None:
        self._spread(committer, committer.update())

    def _add(self, committer: Member) -> None:
        newcomers = [self._newcomer() for _ in range(self._rng.choice((1, 1, 2, 5)))]
        commit, welcome = committer.add([newcomer.key_package() for newcomer in newcomers])
        self._spread(committer, commit)
        for newcomer in newcomers:
            newcomer.join(welcome)
        self.members += newcomers

    def _external(self, inside: Member) -> None:
        newcomer = self._newcomer()
        commit = newcomer.external_commit(inside.group_info())
        for member in self.members:
            member.process(commit)
        self.members.append(newcomer)

    def _remove(self, committer: Member) -> None:
        gone = self._rng.choice([member for member in self.members if member is not committer])
        commit = committer.remove(gone.own_index())
        self.members.remove(gone)
        gone.close()
        self._spread(committer, commit)

    def _message(self, sender: Member) -> None:
        self._deliver(sender, [self._rng.randbytes(self._rng.randrange(2000))])

    def _messages(self, sender: Member) -> None:
        self._deliver(sender, [self._rng.randbytes(20) for _ in range(10)])

    def _deliver(self, sender: Member, texts: list[bytes]) -> None:
        messages = [(text, sender.encrypt(text)) for text in texts]
        self._rng.shuffle(messages)
        for member in self.members:
            for text, message in messages:
                if member is not sender and member.process(message) != text:
                    raise AssertionError("a message was read otherwise than written")


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("driver", nargs="+")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)  # noqa: S311  # repeatable, not secret
    script = Script(rng, arguments.suite, arguments.driver, arguments.members)
    done: dict[str, int] = {}
    try:
        for step in range(arguments.steps):
            try:
                name = script.step()
            except Exception as error:
                raise AssertionError(f"--seed {arguments.seed}, step {step}: {error}") from error
            done[name] = done.get(name, 0) + 1
    finally:
        for member in script.members:
            member.close()
    kinds = [type(member).__name__ for member in script.members]
    sys.stdout.write(
        f"suite {arguments.suite}, seed {arguments.seed}: {done}; at the end {kinds.count('Ours')} of ours"
    )
    sys.stdout.write(f" and {kinds.count('Theirs')} of theirs\n")


if __name__ == "__main__":
    main()
