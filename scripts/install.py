"""Install balchat from a folder of wheels, or remove it: for the user who runs it, with nothing from a network.

    python3 install.py [FOLDER]      # FOLDER: as `make wheelhouse` makes it; without one, where this file lies
    python3 install.py --uninstall

The wheels go into an environment of their own in ~/.local/lib/balchat, and its programs are linked in ~/.local/bin.
Every file is held to the checksum that install.lock in the folder names. Accounts are never touched.

It needs Python 3.11 or newer and nothing else: neither pip, nor a checkout, nor to be root.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import NoReturn

PROGRAMS = ("balchat", "balchat-relay")
LOCK = "install.lock"
ENVIRONMENTS = Path.home() / ".local" / "lib" / "balchat"
LINKS = Path.home() / ".local" / "bin"
DATA = [Path.home() / ".local" / "share" / name for name in PROGRAMS]


def fail(what: str) -> NoReturn:
    """End with a message. Raise SystemExit."""
    sys.exit(f"balchat is not installed: {what}")


def machine() -> str:
    """Return what wheels are made for: this Python and this kind of machine."""
    python = f"{platform.python_implementation()} {'.'.join(platform.python_version_tuple()[:2])}"
    return f"{python} on {platform.system()} {platform.machine()}"


def is_ours(link: Path) -> bool:
    """Return whether a program in ~/.local/bin is a link that an installation made."""
    return link.is_symlink() and ENVIRONMENTS in link.readlink().parents


def check_folder(folder: Path) -> Path:
    """Return the lock of a folder of wheels that fits this machine. Raise SystemExit."""
    lock = folder / LOCK
    if not lock.is_file():
        fail(f"there is no {LOCK} in {folder}. `make wheelhouse` makes a folder with everything that is needed.")
    if not any(folder.glob("pip-*.whl")):
        fail(f"there is no pip-*.whl in {folder}. `make wheelhouse` makes a folder with everything that is needed.")
    made_for = lock.read_text().splitlines()[0].removeprefix("# For ")
    if made_for != machine():
        fail(
            f"the wheels in {folder} are for {made_for}, and this is {machine()}.\n"
            "Run this with that Python, or make the folder with this one: make wheelhouse PYTHON=..."
        )
    for name in PROGRAMS:
        if os.path.lexists(LINKS / name) and not is_ours(LINKS / name):
            fail(f"{LINKS / name} is there already, and not from here. Remove it or move it away.")
    return lock


def fill(environment: Path, folder: Path, lock: Path) -> None:
    """Make the environment and install all that the lock names. Raise SystemExit."""
    venv.create(environment, symlinks=True)
    # Debian's Python has no pip without a package of its own; a wheel of pip runs as it is.
    pip = next(folder.glob("pip-*.whl"))
    options = ["--isolated", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps"]
    where = ["--no-index", "--find-links", str(folder), "--require-hashes", "--requirement", str(lock)]
    command = [str(environment / "bin" / "python"), "-I", f"{pip}/pip", *options, *where]
    if subprocess.run(command, check=False).returncode:
        fail(f"pip could not install what is in {folder}; it says why above. Nothing was changed.")


def install(folder: Path) -> None:
    """Install or replace. What was installed before stays until the new one is complete. Raise SystemExit."""
    if sys.version_info < (3, 11):  # noqa: UP036  # it says so to whoever runs it with an older one
        fail(f"it needs Python 3.11 or newer, and this is {platform.python_version()}.")
    lock = check_folder(folder)
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    environment = Path(tempfile.mkdtemp(dir=ENVIRONMENTS, prefix="environment-"))
    try:
        fill(environment, folder, lock)
        LINKS.mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            fresh = LINKS / f".{name}.new"
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(environment / "bin" / name)
            fresh.replace(LINKS / name)
    except BaseException:
        shutil.rmtree(environment, ignore_errors=True)
        remove_empty_folders()
        raise
    for other in ENVIRONMENTS.iterdir():
        if other != environment:
            shutil.rmtree(other)
    print(f"Installed in {LINKS}: {', '.join(PROGRAMS)}.")
    advise()


def advise() -> None:
    """Say what is missing before `balchat` works as typed."""
    found = shutil.which(PROGRAMS[0])
    if str(LINKS) not in os.environ.get("PATH", "").split(os.pathsep):
        print(f"{LINKS} is not on your PATH. Add this line to ~/.profile, and log in again or type it now:")
        print('    export PATH="$HOME/.local/bin:$PATH"')
    elif found is not None and Path(found) != LINKS / PROGRAMS[0]:
        print(f"Another balchat comes first on your PATH: {found}. `hash -r` or a new shell may be needed.")
    if shutil.which("tor", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") is None:
        print("The program tor is missing. Install it, on Debian and Ubuntu with: sudo apt install tor")
    print("Begin with: balchat init")


def uninstall() -> None:
    """Remove what an installation made; accounts stay."""
    links = [LINKS / name for name in PROGRAMS if is_ours(LINKS / name)]
    there = bool(links) or ENVIRONMENTS.exists()
    for link in links:
        link.unlink()
    shutil.rmtree(ENVIRONMENTS, ignore_errors=True)
    remove_empty_folders()
    print("balchat is removed." if there else "balchat was not installed from here.")
    for folder in DATA:
        if folder.exists():
            print(f"Left as it was: {folder}")


def remove_empty_folders() -> None:
    """Remove what is left empty of the folders that an installation makes."""
    for folder in (ENVIRONMENTS, ENVIRONMENTS.parent, LINKS, LINKS.parent):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Install balchat from a folder of wheels, or remove it.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path(__file__).parent, help="the wheels and their lock")
    parser.add_argument("--uninstall", action="store_true", help="remove the programs; accounts stay")
    arguments = parser.parse_args()
    # Whoever can write to a program or a folder above it can have this user run anything.
    os.umask(os.umask(0o022) | 0o022)
    if arguments.uninstall:
        uninstall()
    else:
        install(arguments.folder.resolve())


if __name__ == "__main__":
    main()
