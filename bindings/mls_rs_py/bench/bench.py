"""Measures the binding: operations by group size, two threads against one, memory under out-of-order messages, import.

    python bench/bench.py [--sizes 2 50 250 1000]

The comparison with Rust, and with other implementations, is `make bench` (bench/mls_binding.py at the top).
"""

import argparse
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from mls_rs_py import (
    BasicCredential,
    BasicIdentityProvider,
    Client,
    Group,
    InMemoryGroupStateStorage,
    InMemoryKeyPackageStorage,
    Rules,
    SignatureKeyPair,
)

MESSAGE = b"x" * 256


def make_client(name: bytes) -> tuple[Client, InMemoryGroupStateStorage]:
    """Make a client in memory, without padding."""
    groups = InMemoryGroupStateStorage()
    client = Client(
        BasicCredential(name),
        SignatureKeyPair.generate(),
        identity_provider=BasicIdentityProvider(),
        group_state_storage=groups,
        key_package_storage=InMemoryKeyPackageStorage(),
        rules=Rules(padding="none"),
    )
    return client, groups


def once(call: Callable[[], object]) -> float:
    """Give the milliseconds that a call takes."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e3


def median(call: Callable[[], object], times: int) -> float:
    """Give the median of several calls, in milliseconds."""
    return statistics.median(once(call) for _ in range(times))


def operations(size: int) -> str:
    """Measure the life of a group of `size` members; give a row of the table."""
    (alice, _), (bob, bobs_groups) = make_client(b"alice"), make_client(b"bob")
    others = [make_client(b"%d" % number)[0] for number in range(size - 2)]
    packages = [client.generate_key_package() for client in (bob, *others)]
    group = alice.create_group(b"group")
    welcomes: list[bytes] = []

    def add() -> None:
        welcomes.extend(group.commit(add=packages).welcomes)
        group.apply_pending_commit()

    adding = once(add)
    joined: list[Group] = []
    joining = once(lambda: joined.append(bob.join(welcomes[0])))
    theirs = joined[0]
    group.write_to_storage()
    theirs.write_to_storage()
    messages: list[bytes] = []
    encrypting = median(lambda: messages.append(group.encrypt(MESSAGE)), 500)
    waiting = iter(messages)
    decrypting = median(lambda: theirs.process(next(waiting)), 400)
    theirs.write_to_storage()

    def stored(step: Callable[[Group], object]) -> None:
        loaded = bob.load_group(b"group")
        step(loaded)
        loaded.write_to_storage()

    encrypting_stored = median(lambda: stored(lambda loaded: loaded.encrypt(MESSAGE)), 50)
    decrypting_stored = median(lambda: stored(lambda loaded: loaded.process(next(waiting))), 50)
    state = bobs_groups.state(b"group") or b""
    commits: list[bytes] = []

    def update() -> None:
        commits.append(group.commit().message)
        group.apply_pending_commit()

    updating = median(update, 5)
    theirs = bob.load_group(b"group")
    pending = iter(commits)
    processing = median(lambda: theirs.process(next(pending)), 5)
    figures = (adding, joining, encrypting, decrypting, updating, processing, encrypting_stored, decrypting_stored)
    return f"| {size} | " + " | ".join(f"{figure:.3f}" for figure in figures) + f" | {len(state):,} |"


def threads() -> float:
    """Give how many times as fast two threads with two groups are as one with both."""
    groups = [make_client(b"%d" % number)[0].create_group() for number in range(2)]

    def work(group: Group) -> None:
        for _ in range(5000):
            group.encrypt(MESSAGE)

    alone = sum(once(lambda group=group: work(group)) for group in groups)
    workers = [threading.Thread(target=work, args=(group,)) for group in groups]

    def together() -> None:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    return alone / once(together)


def out_of_order(count: int) -> tuple[int, int]:
    """Take every 1000th of a hostile sender's messages; give the state's octets in the middle and at the end."""
    (alice, _), (bob, groups) = make_client(b"alice"), make_client(b"bob")
    group = alice.create_group(b"group")
    welcome = group.commit(add=[bob.generate_key_package()]).welcomes[0]
    group.apply_pending_commit()
    theirs = bob.join(welcome)
    sizes: list[int] = []
    for number in range(1, count + 1):
        message = group.encrypt(b"")
        if number % 1000 == 0:
            theirs.process(message)
        if number in {count // 2, count}:
            theirs.write_to_storage()
            sizes.append(len(groups.state(b"group") or b""))
    return sizes[0], sizes[1]


def importing() -> float:
    """Give the milliseconds that `import mls_rs_py` takes in a new interpreter."""
    code = "import time; t = time.perf_counter(); import mls_rs_py; print((time.perf_counter() - t) * 1e3)"
    return statistics.median(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) for _ in range(5)
    )


def main() -> None:
    """Measure everything, and print it as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[2, 50, 250, 1000])
    sizes: list[int] = parser.parse_args().sizes
    write = sys.stdout.write
    write("Milliseconds; one core.\n\n")
    write("| members | add all | join | encrypt | decrypt | self-update | process it |")
    write(" load + encrypt + store | load + decrypt + store | octets stored |\n")
    write("|---" * 10 + "|\n")
    for size in sizes:
        write(operations(size) + "\n")
    write(f"\nTwo threads with two groups: {threads():.2f} × one thread.\n")
    middle, end = out_of_order(100_000)
    write(f"State after 50,000 and 100,000 messages, of which every 1000th came: {middle:,} and {end:,} octets.\n")
    write(f"Most memory used: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB.\n")
    write(f"Import: {importing():.1f} ms.\n")


if __name__ == "__main__":
    main()
