"""What `balchat doctor` says about a vault, seen from outside and without a secret."""

from collections.abc import Callable
from pathlib import Path

from balchat_common.words import one_line

from balchat_host.api.errors import BalchatError
from balchat_host.api.types import Check, Problem
from balchat_storage_sqlcipher import header
from balchat_storage_sqlcipher.driver import find_driver
from balchat_storage_sqlcipher.faults import disk_faults
from balchat_storage_sqlcipher.files import VaultFiles


def check_vault(directory: Path) -> list[Check]:
    """Look at the driver, the files' owner and modes, the header, and whether there is a database."""
    files = VaultFiles(directory)
    checks = [_check("vault driver", "Install sqlcipher3 in its newest version.", _driver)]
    if not files.folder.exists():
        return [*checks, Check(name="vault", finding="there is none yet")]
    return [
        *checks,
        _check("vault files", "Make them your own, with the modes 0700 and 0600.", lambda: _access(files)),
        _check("vault header", "Restore a backup.", lambda: _header(files)),
        _check("vault database", "Restore a backup.", lambda: _database(files)),
    ]


def _check(name: str, remedy: str, look: Callable[[], str]) -> Check:
    try:
        with disk_faults():
            return Check(name=name, finding=look())
    except BalchatError as error:
        return Check(name=name, finding="not as it should be", problem=Problem(what=str(error), remedy=remedy))


def _driver() -> str:
    driver = find_driver()
    return f"{driver.name} with SQLCipher {driver.version}"


def _access(files: VaultFiles) -> str:
    files.require_own_directory()
    files.require_private()
    return "yours alone"


def _header(files: VaultFiles) -> str:
    slots = header.decode(files.read_header())
    return f"format {header.VERSION}; opens with {one_line(list(slots))}"


def _database(files: VaultFiles) -> str:
    files.require_database()
    return "there"
