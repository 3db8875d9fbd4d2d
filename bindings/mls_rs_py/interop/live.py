"""Live interoperation with another MLS implementation, behind a driver that speaks one JSON value a line.

    python interop/live.py [--suite 1] [--steps 200] [--members 50] [--seed SEED] openmls|ts-mls|rfc9420

A random script of adds, removes, updates, pre-shared keys (by value and by reference), external commits and messages,
by members of either implementation in either direction; after each step all members must have the same epoch
authenticator and exported secret. A failure prints the seed and the step.
"""

import argparse
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from typing import Any, Protocol

from drivers import command
from mls_rs_py import (
    ApplicationMessage,
    BasicCredential,
    BasicIdentityProvider,
    Client,
    CommitOutput,
    Group,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    InMemoryPreSharedKeyStorage,
    KeyPackage,
    Rules,
    SignatureKeyPair,
)

STATE = ("epoch", "epoch_authenticator", "exported")


class Member(Protocol):
    """A member of the one group, on whatever implementation, by the commands of README.md."""

    commands: frozenset[str]

    def ask(self, command: str, **given: Any) -> Any:
        """Do a command; octets go in and come out as they are."""
        ...

    def close(self) -> None:
        """Forget the member."""
        ...


class Ours:
    """A member on mls-rs-py, which loads its group again for each step."""

    def __init__(self, name: str, suite: int, *, rules: Rules) -> None:
        self._psks = InMemoryPreSharedKeyStorage()
        self._client = Client(
            BasicCredential(name.encode()),
            SignatureKeyPair.generate(suite),
            identity_provider=BasicIdentityProvider(),
            group_state_storage=InMemoryGroupStateStorage(),
            key_package_storage=InMemoryKeyPackageStorage(),
            psk_storage=self._psks,
            rules=rules,
        )
        self._group_id = b""
        self.commands = frozenset(name.removeprefix("do_") for name in dir(self) if name.startswith("do_"))

    def ask(self, command: str, **given: Any) -> Any:
        """See Member."""
        if command in {"key_package", "create", "join", "external_commit", "store_psk"}:
            return getattr(self, f"do_{command}")(**given)
        group = self._client.load_group(self._group_id)
        answer = getattr(self, f"do_{command}")(group, **given)
        group.write_to_storage()
        return answer

    def close(self) -> None:
        """See Member."""

    def _keep(self, group: Group) -> None:
        self._group_id = group.group_id
        group.write_to_storage()

    def do_key_package(self) -> bytes:
        return self._client.generate_key_package().to_bytes()

    def do_create(self, group_id: bytes) -> None:
        self._keep(self._client.create_group(group_id))

    def do_join(self, message: bytes) -> None:
        self._keep(self._client.join(message))

    def do_external_commit(self, message: bytes) -> bytes:
        group, commit = self._client.external_commit(message)
        self._keep(group)
        return commit

    def do_store_psk(self, psk_id: bytes, psk: bytes) -> None:
        self._psks.insert(psk_id, psk)

    def do_add(self, group: Group, key_packages: Sequence[bytes]) -> dict[str, bytes | None]:
        return self._both(group.commit(add=[KeyPackage.from_bytes(each) for each in key_packages]))

    def do_commit(self, group: Group) -> dict[str, bytes | None]:
        return self._both(group.commit())

    @staticmethod
    def _both(commit: CommitOutput) -> dict[str, bytes | None]:
        return {"commit": commit.message, "welcome": next(iter(commit.welcomes), None)}

    def do_remove(self, group: Group, index: int) -> bytes:
        return group.commit(remove=[index]).message

    def do_update(self, group: Group) -> bytes:
        return group.commit().message

    def do_psk(self, group: Group, psk_id: bytes) -> bytes:
        return group.commit(psks=[psk_id]).message

    def do_propose_add(self, group: Group, key_package: bytes) -> bytes:
        return group.propose_add(KeyPackage.from_bytes(key_package))

    def do_propose_remove(self, group: Group, index: int) -> bytes:
        return group.propose_remove(index)

    def do_propose_update(self, group: Group) -> bytes:
        return group.propose_update()

    def do_propose_psk(self, group: Group, psk_id: bytes) -> bytes:
        return group.propose_psk(psk_id)

    def do_apply(self, group: Group) -> None:
        group.apply_pending_commit()

    def do_encrypt(self, group: Group, data: bytes) -> bytes:
        return group.encrypt(data)

    def do_process(self, group: Group, message: bytes) -> bytes | None:
        received = group.process(message)
        return received.data if isinstance(received, ApplicationMessage) else None

    def do_group_info(self, group: Group) -> bytes:
        return group.group_info(allow_external_commit=True)

    def do_look(self, group: Group) -> dict[str, int | str]:
        return {
            "epoch": group.epoch,
            "epoch_authenticator": group.epoch_authenticator.hex(),
            "exported": group.export_secret(b"label", b"context", 32).hex(),
            "own_index": group.own_index,
        }


class Driver:
    """A process in which another implementation's members live."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(  # ended in close()
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._numbers = count()
        self.milliseconds = 0.0

    def member(self, name: str, suite: int) -> "Theirs":
        """Start a member."""
        return Theirs(self, next(self._numbers), name, suite)

    def ask_all(self, asked: Sequence[tuple["Theirs", str, dict[str, Any]]]) -> list[Any]:
        """Do commands of members one after the other, with nothing in between."""
        each = [{"member": member.number, "do": command} | to_hexadecimal(given) for member, command, given in asked]
        return [from_hexadecimal(answer) for answer in self.ask(0, "all", {"each": each})]

    def ask(self, number: int, command: str, given: dict[str, Any]) -> Any:
        """Do a command of a member."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps({"member": number, "do": command} | given) + "\n")
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the driver ended at {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(f"the driver could not {command}: {answer['error']}")
        # How long the call took, where the driver says so, for benchmarks.
        self.milliseconds = answer.get("ms", 0.0)
        return answer["ok"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def to_hexadecimal(value: Any) -> Any:
    """Write octets so that JSON can hold them."""
    if isinstance(value, list):
        return [to_hexadecimal(each) for each in value]
    if isinstance(value, dict):
        return {name: to_hexadecimal(each) for name, each in value.items()}
    return value.hex() if isinstance(value, bytes) else value


def from_hexadecimal(answer: Any) -> Any:
    """Read the octets of an answer."""
    if isinstance(answer, dict):
        return {name: each and bytes.fromhex(each) for name, each in answer.items()}
    return answer and bytes.fromhex(answer)


class Theirs:
    """A member behind a driver."""

    _PLAIN = frozenset({"look"})

    def __init__(self, driver: Driver, number: int, name: str, suite: int) -> None:
        self._driver, self.number = driver, number
        self.commands = frozenset(driver.ask(number, "start", {"name": name, "suite": suite}))

    def ask(self, command: str, **given: Any) -> Any:
        """See Member."""
        answer = self._driver.ask(self.number, command, to_hexadecimal(given))
        return answer if command in self._PLAIN else from_hexadecimal(answer)

    @property
    def milliseconds(self) -> float:
        """How long the last command took."""
        return self._driver.milliseconds

    def close(self) -> None:
        """See Member."""
        self._driver.ask(self.number, "end", {})


class Script:
    """A group of both kinds of members, and what happens to it."""

    def __init__(self, rng: random.Random, suite: int, driver: Driver, most: int, *, public: bool = False) -> None:
        self._rng, self._suite, self._most = rng, suite, most
        self._makers: tuple[Callable[[str, int], Member], ...] = (
            partial(Ours, rules=Rules(encrypt_control_messages=not public)),
            driver.member,
        )
        self._count = 0
        self._psks: dict[bytes, bytes] = {}
        self.members: list[Member] = []
        first = self._newcomer()
        while "create" not in first.commands:
            first = self._newcomer()
        first.ask("create", group_id=rng.randbytes(16))
        self.members.append(first)

    def _newcomer(self) -> Member:
        self._count += 1
        member = self._rng.choice(self._makers)(f"member {self._count}", self._suite)
        if "store_psk" in member.commands:
            for psk_id, psk in self._psks.items():
                member.ask("store_psk", psk_id=psk_id, psk=psk)
        return member

    def step(self) -> str:
        """Do something at random, and compare all members; give its name."""
        steps = {"update": ("update",), "message": ("encrypt",), "messages": ("encrypt",)}
        if all("store_psk" in member.commands for member in self.members):
            steps |= {"psk": ("psk",), "propose_psk": ("propose_psk",)}
        if len(self.members) < self._most:
            steps |= {"add": ("add",), "more": ("add",), "propose_add": ("propose_add",), "external": ("group_info",)}
        if len(self.members) > 1:
            steps["remove"] = ("remove",)
        if sum("commit" in member.commands for member in self.members) > 1:  # nobody commits what concerns himself
            steps |= {"propose_update": ("propose_update",), "propose_remove": ("propose_remove",)}
        name = self._rng.choice(list(steps))
        able = [member for member in self.members if member.commands.issuperset(steps[name])]
        if not able:
            return "nothing"
        actor = self._rng.choice(able)
        getattr(self, f"_{name}")(actor)
        states = {tuple(member.ask("look")[key] for key in STATE) for member in self.members}
        if len(states) != 1:
            raise AssertionError(f"after {name}, {len(self.members)} members are in {len(states)} states")
        return f"{name} by {type(actor).__name__.lower()}"

    def _spread(self, author: Member, message: bytes) -> None:
        for member in self.members:
            if member is not author:
                member.ask("process", message=message)

    def _commit(self, committer: Member, commit: bytes) -> None:
        self._spread(committer, commit)
        committer.ask("apply")

    def _update(self, committer: Member) -> None:
        self._commit(committer, committer.ask("update"))

    def _new_psk(self) -> bytes:
        psk_id, psk = self._rng.randbytes(8), self._rng.randbytes(32)
        self._psks[psk_id] = psk
        for member in self.members:
            member.ask("store_psk", psk_id=psk_id, psk=psk)
        return psk_id

    def _psk(self, committer: Member) -> None:
        self._commit(committer, committer.ask("psk", psk_id=self._new_psk()))

    def _propose_psk(self, proposer: Member) -> None:
        self._by_reference(proposer, proposer.ask("propose_psk", psk_id=self._new_psk()))

    def _propose_update(self, proposer: Member) -> None:
        # Nobody commits to an update of his own (RFC 9420, section 12.2).
        self._by_reference(proposer, proposer.ask("propose_update"), never=proposer)

    def _propose_add(self, proposer: Member) -> None:
        newcomer = self._newcomer()
        welcome = self._by_reference(proposer, proposer.ask("propose_add", key_package=newcomer.ask("key_package")))
        newcomer.ask("join", message=welcome)
        self.members.append(newcomer)

    def _propose_remove(self, proposer: Member) -> None:
        gone = self._rng.choice([member for member in self.members if member is not proposer])
        proposal = proposer.ask("propose_remove", index=gone.ask("look")["own_index"])
        self._by_reference(proposer, proposal, never=gone, after=lambda: self._forget(gone))

    def _by_reference(
        self,
        proposer: Member,
        proposal: bytes,
        *,
        never: Member | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> bytes | None:
        """Spread a proposal and have somebody commit it; give the Welcome, if any."""
        self._spread(proposer, proposal)
        able = [member for member in self.members if member is not never and "commit" in member.commands]
        committer = self._rng.choice(able)
        made = committer.ask("commit")
        after()
        self._commit(committer, made["commit"])
        welcome: bytes | None = made["welcome"]
        return welcome

    def _add(self, committer: Member, number: int = 1) -> None:
        newcomers = [self._newcomer() for _ in range(number)]
        made = committer.ask("add", key_packages=[newcomer.ask("key_package") for newcomer in newcomers])
        self._commit(committer, made["commit"])
        for newcomer in newcomers:
            newcomer.ask("join", message=made["welcome"])
        self.members += newcomers

    def _more(self, committer: Member) -> None:
        self._add(committer, min(self._rng.choice((2, 5, 10)), self._most - len(self.members)))

    def _external(self, inside: Member) -> None:
        newcomer = self._newcomer()
        if "external_commit" not in newcomer.commands:
            return
        commit = newcomer.ask("external_commit", message=inside.ask("group_info"))
        self._spread(newcomer, commit)
        self.members.append(newcomer)

    def _forget(self, gone: Member) -> None:
        self.members.remove(gone)
        gone.close()

    def _remove(self, committer: Member) -> None:
        gone = self._rng.choice([member for member in self.members if member is not committer])
        commit = committer.ask("remove", index=gone.ask("look")["own_index"])
        self._forget(gone)
        self._commit(committer, commit)

    def _message(self, sender: Member) -> None:
        self._deliver(sender, [self._rng.randbytes(self._rng.randrange(2000))])

    def _messages(self, sender: Member) -> None:
        self._deliver(sender, [self._rng.randbytes(20) for _ in range(10)])

    def _deliver(self, sender: Member, texts: list[bytes]) -> None:
        messages = [(text, sender.ask("encrypt", data=text)) for text in texts]
        for member in self.members:
            if member is sender:
                continue
            # Everybody gets them in an order of their own.
            self._rng.shuffle(messages)
            for text, message in messages:
                if member.ask("process", message=message) != text:
                    raise AssertionError("a message was read otherwise than written")


def main() -> None:
    """Run as the arguments say."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", type=int, default=1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("other", choices=("openmls", "ts-mls", "rfc9420"))
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)  # noqa: S311  # repeatable, not secret
    options = {name: getattr(arguments, name) for name in ("suite", "members", "steps", "seed")}
    again = " ".join(f"--{name} {value}" for name, value in options.items()) + f" {arguments.other}"
    driver = Driver(command(arguments.other))
    done: list[str] = []
    most = 0
    try:
        script = Script(rng, arguments.suite, driver, arguments.members, public=arguments.other == "rfc9420")
        for _ in range(arguments.steps):
            done.append(script.step())
            most = max(most, len(script.members))
    except Exception as error:
        # The seed gives the same steps again, though not the same keys.
        story = "\n".join(f"  {number} {step}" for number, step in enumerate(done))
        raise AssertionError(f"live.py {again}, after these steps:\n{story}\n{len(done)}: {error}") from error
    finally:
        driver.close()
    sys.stdout.write(f"live.py {again}: up to {most} members, {dict(sorted(Counter(done).items()))}\n")


if __name__ == "__main__":
    main()
