"""mls-rs-py against the same calls in Rust, and against other implementations.

Every implementation makes, in turns, the same group: one member creates it and adds all others in one commit, another
joins, messages and own updates go from the one to the other. The key packages of the others are the same for all. Each
driver times its own calls, octets in and octets out; see `bindings/mls_rs_py/interop/README.md`. Short calls are timed
by the dozen where a driver can, since the first one after a pipe has gone cold is the pipe's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from mls_rs_py import (
    ApplicationMessage,
    BasicCredential,
    BasicIdentityProvider,
    Client,
    Group,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    KeyPackage,
    Rules,
    SignatureKeyPair,
)

from bench.figure import AtLeast, AtMost, Figure, NoMoreThan
from bench.timing import in_turns_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bench.room import Room

TITLE = "The MLS binding"
NOTE = (
    "Milliseconds, the best of the rounds in several processes each, since an operation of 100 ms is seldom left alone"
    " on a busy machine, and one process is luckier with its memory than another; the rate of mls-rs-py is to be 0.9 of"
    " that of mls-rs without Python, so its time no more than 1/0.9. Messages are of 256 octets, without padding in"
    " Rust and Python, and there 256 at a time: that often a group is copied, so that a refused message leaves no"
    " trace. In Rust and Python short calls are made for several groups in one go: one alone measures how cold the"
    " caches are. mls-rs is as any Rust program has it; mls-rs-py allocates with mimalloc, zeroes what it frees, and"
    " limits skipped keys, for which mls-rs opens the sender data of each message twice. The first trial's figures are"
    " of another day. Stored: load the group from memory, one message, write it back; against the message alone."
    " Written: the state, without the ratchet tree, which only a commit writes (another 80 KiB at 250 members)."
)
BINDING = Path(__file__).parents[1] / "bindings" / "mls_rs_py"
PROCESSES = 5
ROUNDS = {2: 15, 50: 8, 250: 4, 1000: 2}
GROUPS = {2: 8, 50: 4, 250: 1, 1000: 1}
FEW_GROUPS = 8
OTHERS = {"ts-mls": (2, 50, 250), "rfc9420": (2,)}
TRIAL_SIZE = 250
TRIAL = {"add": 53.0, "join": 13.0, "self-update": 23.0}
MESSAGES = 256
FEW_MESSAGES = 20
TEXT = b"x" * 256

Times = dict[str, list[float]]


def client(name: bytes, *, public: bool = False) -> tuple[Client, InMemoryGroupStateStorage]:
    groups = InMemoryGroupStateStorage()
    made = Client(
        BasicCredential(name),
        SignatureKeyPair.generate(),
        identity_provider=BasicIdentityProvider(),
        group_state_storage=groups,
        key_package_storage=InMemoryKeyPackageStorage(),
        rules=Rules(padding="none", encrypt_control_messages=not public),
    )
    return made, groups


class Ours:
    """A member on mls-rs-py, with the drivers' commands."""

    commands = frozenset(("all", "key_package", "create", "join", "add", "update", "apply", "encrypt", "process"))

    def __init__(self, name: str, *, public: bool = False) -> None:
        self._client, _ = client(name.encode(), public=public)
        self.milliseconds = 0.0

    def ask(self, command: str, **given: Any) -> Any:
        begun = perf_counter()
        answer = getattr(self, command)(**given)
        self.milliseconds = (perf_counter() - begun) * 1e3
        return answer

    def key_package(self) -> bytes:
        return self._client.generate_key_package().to_bytes()

    def create(self, group_id: bytes) -> None:
        self._group = self._client.create_group(group_id)

    def join(self, message: bytes) -> None:
        self._group = self._client.join(message)

    def add(self, key_packages: list[bytes]) -> dict[str, bytes]:
        commit = self._group.commit(add=[KeyPackage.from_bytes(each) for each in key_packages])
        return {"commit": commit.message, "welcome": commit.welcomes[0]}

    def update(self) -> bytes:
        return self._group.commit().message

    def apply(self) -> None:
        self._group.apply_pending_commit()

    def encrypt(self, data: bytes) -> bytes:
        return self._group.encrypt(data)

    def process(self, message: bytes) -> bytes | None:
        received = self._group.process(message)
        return received.data if isinstance(received, ApplicationMessage) else None


Asked = tuple[Any, str, dict[str, Any]]


class Pairs:
    """Pairs of members of an implementation: Alice makes groups, Bob joins them; whoever cannot make one only joins.

    A driver that can do several commands in one go has several pairs, so that short calls are not the pipe's.
    """

    def __init__(self, driver: Any, count: int) -> None:
        self._driver = driver
        self._bobs = [driver.member("bob", 1)]
        self._at_once = "all" in self._bobs[0].commands
        if self._at_once:
            self._bobs += [driver.member("bob", 1) for _ in range(count - 1)]
        creates = "create" in self._bobs[0].commands
        # One that can only join has one of ours to make its groups.
        self._alices = [driver.member("alice", 1) if creates else Ours("alice", public=True) for _ in self._bobs]
        self._rounds = 0

    def round(self, key_packages: list[bytes], times: Times) -> None:
        """Go through the life of a group, one for each pair."""
        self._rounds += 1
        alices, bobs = self._alices, self._bobs

        def timed(step: str, *turns: list[Asked]) -> list[Any]:
            """Ask what is asked turn by turn, and give what the first one brings; time what each of its calls took."""
            answers, milliseconds = zip(*map(self._ask, turns), strict=True)
            # What a helper of ours does is no figure of theirs.
            if type(turns[0][0][0]) is type(bobs[0]):
                times[step].append(sum(milliseconds) / len(turns[0]))
            return answers[0]

        timed(
            "create",
            [(alice, "create", {"group_id": b"%d" % self._rounds}) for alice in alices * (FEW_GROUPS // len(alices))],
        )
        packages = [[bob.ask("key_package"), *key_packages] for bob in bobs]
        added = timed(
            "add",
            [(alice, "add", {"key_packages": each}) for alice, each in zip(alices, packages, strict=True)],
            [(alice, "apply", {}) for alice in alices],
        )
        timed("join", [(bob, "join", {"message": each["welcome"]}) for bob, each in zip(bobs, added, strict=True)])
        for alice, bob in zip(alices, bobs, strict=True):
            messages = timed("encrypt", [(alice, "encrypt", {"data": TEXT})] * self._messages)
            timed("decrypt", [(bob, "process", {"message": message}) for message in messages])
        commits = timed(
            "self-update", [(alice, "update", {}) for alice in alices], [(alice, "apply", {}) for alice in alices]
        )
        timed("process it", [(bob, "process", {"message": each}) for bob, each in zip(bobs, commits, strict=True)])

    @property
    def _messages(self) -> int:
        return MESSAGES if self._at_once else FEW_MESSAGES

    def _ask(self, asked: list[Asked]) -> tuple[list[Any], float]:
        """Ask all this; return the answers, and how long it took."""
        if self._at_once:
            return self._driver.ask_all(asked), self._driver.milliseconds
        answers: list[Any] = []
        milliseconds = 0.0
        for member, command, given in asked:
            answers.append(member.ask(command, **given))
            milliseconds += member.milliseconds
        return answers, milliseconds


def measure(room: Room) -> list[Figure]:
    sys.path.insert(0, str(BINDING / "interop"))
    import drivers  # noqa: PLC0415  # a program's module, and only there where the checkout is
    from live import Driver  # noqa: PLC0415  # see above

    drivers.build()
    rust = BINDING / "target" / "bench"
    manifest = BINDING / "bench" / "rust" / "Cargo.toml"
    build = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", rust]
    subprocess.run(build, check=True)
    # Ours too is behind a pipe: a busy machine interrupts whoever works on and on more than whoever just woke up.
    commands = {
        "mls-rs-py": [sys.executable, "-m", "bench.mls_binding"],
        "mls-rs": [str(rust / "release" / "mls-rs-bench")],
    }
    others = {name: drivers.command(name) for name in OTHERS}
    figures: list[Figure] = []
    for size, rounds in ROUNDS.items():
        packages = [client(b"%d" % number)[0].generate_key_package().to_bytes() for number in range(size - 2)]
        times: dict[str, Times] = defaultdict(lambda: defaultdict(list))
        for process in range(PROCESSES):
            few = {name: others[name] for name, sizes in OTHERS.items() if size in sizes and process == 0}
            with ExitStack() as stack:
                pairs: dict[str, Pairs] = {}
                for name, command in (commands | few).items():
                    driver = Driver(command)
                    stack.callback(driver.close)
                    pairs[name] = Pairs(driver, GROUPS[size])
                for _ in range(rounds):
                    for name, each in pairs.items():
                        each.round(packages, times[name])
        figures += _compare(size, times)
    figures += [figure for size, extra in ((2, 0.1), (250, 0.6)) for figure in _stored(size, extra)]
    figures += [_threads("encrypt", _encrypt, 200), _threads("self-update", _update, 40)]
    return [*figures, _skipped(), _import(), *_packaging(room.folder("wheel"))]


def _compare(size: int, times: dict[str, Times]) -> Iterator[Figure]:
    """Compare what all took in groups of `size`."""
    best = {name: {step: min(each) for step, each in steps.items()} for name, steps in times.items()}
    ours = best.pop("mls-rs-py")
    for name, theirs in best.items():
        target = AtMost(1 / 0.9) if name == "mls-rs" else None
        for step, limit in theirs.items():
            yield Figure(
                what=f"{step}, {size:,} members",
                measured=ours[step],
                against=name,
                limit=limit,
                unit="ms",
                target=target,
            )
    if size == TRIAL_SIZE:
        for step, limit in TRIAL.items():
            yield Figure(
                what=f"{step}, {size} members", measured=ours[step], against="first trial", limit=limit, unit="ms",
                target=AtMost(1),
            )  # fmt: skip


def _stored(size: int, extra: float) -> Iterator[Figure]:
    """Measure what loading and storing add to a message."""
    (alice, alices), (bob, bobs) = client(b"alice"), client(b"bob")
    others = [client(b"%d" % number)[0].generate_key_package() for number in range(size - 2)]
    group = alice.create_group(b"group")
    welcome = group.commit(add=[bob.generate_key_package(), *others]).welcomes[0]
    group.apply_pending_commit()
    theirs = bob.join(welcome)
    group.write_to_storage()
    theirs.write_to_storage()
    messages: list[bytes] = []

    def stored(member: Client, step: Callable[[Group], object]) -> None:
        loaded = member.load_group(b"group")
        step(loaded)
        loaded.write_to_storage()

    encrypted = in_turns_sync(
        100,
        lambda: group.encrypt(TEXT),
        lambda: stored(alice, lambda loaded: messages.append(loaded.encrypt(TEXT))),
        warm_up=5,
    )
    waiting = iter(messages)
    # Both read the same messages, each with a state of its own.
    again = iter(list(messages))
    decrypted = in_turns_sync(
        100,
        lambda: theirs.process(next(again)),
        lambda: stored(bob, lambda loaded: loaded.process(next(waiting))),
        warm_up=5,
    )
    for what, (alone, whole) in (("encrypt", encrypted), ("decrypt", decrypted)):
        yield Figure(
            what=f"load + {what} + store, {size} members", measured=whole.median, against=f"{what} alone",
            limit=alone.median, unit="ms", target=NoMoreThan(extra, "ms"),
        )  # fmt: skip
    yield Figure(
        what=f"written a message, {size} members", measured=max(map(_stored_size, (alices, bobs))),
        against="first trial, 250 members", limit=38, unit="KiB", target=AtMost(1),
    )  # fmt: skip


def _stored_size(groups: InMemoryGroupStateStorage) -> float:
    """Return what each write brings, in KiB: the state, while the tree stays where it is."""
    state, _ = groups.state(b"group") or (b"", b"")
    return len(state) / 1024


def _encrypt(group: Group) -> None:
    for _ in range(200):
        group.encrypt(TEXT)


def _update(group: Group) -> None:
    for _ in range(40):
        group.commit()
        group.apply_pending_commit()
    # Or else the epochs that have passed grow without end.
    group.write_to_storage()


def _threads(what: str, work: Callable[[Group], None], calls: int) -> Figure:
    """Measure two threads with a group each against one with both; in short turns, for busy machines."""
    groups = [client(b"%d" % number)[0].create_group() for number in range(2)]
    for group in groups:
        group.commit(add=[client(b"other")[0].generate_key_package()])
        group.apply_pending_commit()

    def together() -> None:
        threads = [threading.Thread(target=work, args=(group,)) for group in groups]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    turns = in_turns_sync(40, lambda: [work(group) for group in groups], together)
    one, two = (2 * calls / min(samples.seconds) for samples in turns)
    return Figure(
        what=f"{what}, two threads with a group each", measured=two, against="one thread", limit=one, unit="/s",
        target=AtLeast(1.6),
    )  # fmt: skip


def _skipped() -> Figure:
    """Measure the state of who gets only every 1000th of a hostile sender's messages, halfway and at the end."""
    (alice, _), (bob, groups) = client(b"alice"), client(b"bob")
    group = alice.create_group(b"group")
    welcome = group.commit(add=[bob.generate_key_package()]).welcomes[0]
    group.apply_pending_commit()
    theirs = bob.join(welcome)
    sizes: list[float] = []
    for number in range(1, 100_001):
        message = group.encrypt(b"")
        if number % 1000 == 0:
            theirs.process(message)
        if number % 50_000 == 0:
            theirs.write_to_storage()
            sizes.append(_stored_size(groups))
    return Figure(
        what="state after 100,000 messages with 1,000 skipped each time", measured=sizes[1], against="after 50,000",
        limit=sizes[0], unit="KiB", target=AtMost(1.05),
    )  # fmt: skip


def _import() -> Figure:
    """Measure the import in new processes, the best of them."""
    code = "import time; t = time.perf_counter(); import mls_rs_py; print((time.perf_counter() - t) * 1e3)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(15)]
    return Figure(
        what="import", measured=min(map(float, runs)), against="the issue's", limit=20, unit="ms", target=AtMost(1)
    )


def _packaging(folder: Path) -> Iterator[Figure]:
    """Build a wheel from nothing."""
    began = perf_counter()
    maturin = Path(sys.executable).with_name("maturin")
    build = [maturin, "build", "--release", "--locked", "--quiet", "--target-dir", folder / "target", "--out", folder]
    subprocess.run(build, cwd=BINDING, check=True, capture_output=True)
    seconds = perf_counter() - began
    size = next(folder.glob("*.whl")).stat().st_size / 1024
    yield Figure(what="build from nothing", measured=seconds, against="first trial", limit=46, unit="s")
    yield Figure(what="wheel", measured=size, against="its module", limit=_module_size(), unit="KiB")


def _module_size() -> float:
    return next((BINDING / "mls_rs_py").glob("*.so")).stat().st_size / 1024


def _drive() -> None:
    """Be a driver: see `bindings/mls_rs_py/interop/README.md`."""
    members: dict[int, Ours] = {}
    for line in sys.stdin:
        given = json.loads(line)
        if given["do"] == "start":
            members[given["member"]] = Ours(given["name"])
            answer, milliseconds = sorted(Ours.commands), 0.0
        else:
            calls = [_call(members, **each) for each in given.get("each", [given])]
            begun = perf_counter()
            made = [call() for call in calls]
            milliseconds = (perf_counter() - begun) * 1e3
            answers = [_hexadecimal(each) for each in made]
            answer = answers if "each" in given else answers[0]
        sys.stdout.write(json.dumps({"ok": answer, "ms": milliseconds}) + "\n")
        sys.stdout.flush()


def _hexadecimal(answer: dict[str, bytes] | bytes | None) -> dict[str, str] | str | None:
    if isinstance(answer, dict):
        return {name: octets.hex() for name, octets in answer.items()}
    return None if answer is None else answer.hex()


def _call(members: Mapping[int, Ours], *, member: int, do: str, **given: Any) -> Callable[[], Any]:
    """Read a command."""
    octets = {
        name: [bytes.fromhex(each) for each in value] if isinstance(value, list) else bytes.fromhex(value)
        for name, value in given.items()
    }
    return partial(getattr(members[member], do), **octets)


if __name__ == "__main__":
    _drive()
