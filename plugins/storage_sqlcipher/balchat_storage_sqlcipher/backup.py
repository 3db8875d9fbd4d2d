"""Copies a vault while it is in use: a folder that is a vault again, with the secrets of that moment."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp

from balchat_host.api.errors import BadInput
from balchat_storage_sqlcipher.driver import Connection, Driver
from balchat_storage_sqlcipher.faults import disk_faults
from balchat_storage_sqlcipher.files import VaultFiles, make_file, remove_tree, sync


def write_backup(driver: Driver, connect: Callable[[], Connection], header: bytes, target: Path) -> None:
    """Write the vault that `connect` connects to, with this header, to `target`.

    It is made beside `target` in a folder named `.NAME.…`, which a crash may leave, and put there by one rename.
    """
    with disk_faults():
        if target.exists() or target.is_symlink():
            raise BadInput(what="backup", problem="there is already something at its target")
        if not target.parent.is_dir():
            raise BadInput(what="backup", problem="the folder that it is to lie in does not exist")
        unfinished = Path(mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            files = VaultFiles(unfinished)
            files.folder.mkdir(mode=0o700)
            make_file(files.header, header)
            _copy_database(driver, connect, files)
            sync(files.folder)
            sync(unfinished)
            unfinished.rename(target)
            sync(target.parent)
        except BaseException:
            remove_tree(unfinished)
            raise


def _copy_database(driver: Driver, connect: Callable[[], Connection], files: VaultFiles) -> None:
    make_file(files.database)  # before SQLite would, which would give it a wider mode
    with driver.faults(), closing(connect()) as connection:
        # One statement, hence one consistent view. The copy has the key of the database that it is made from.
        connection.cursor().execute("VACUUM INTO ?", (str(files.database),))
    sync(files.database)
