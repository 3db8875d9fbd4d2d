"""Commits of members whose programs make some: our engine makes none once a group is founded, and takes theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from balchat_crypto_mls.keyring import Keyring
from balchat_crypto_mls.members import Members
from balchat_crypto_mls.rows import GroupRows, KeyPackageRows
from mls_rs_py import Client, CommitOutput, Group

if TYPE_CHECKING:
    from balchat_host.api.storage import KeyValueArea


def load(area: KeyValueArea, group_id: bytes) -> Group:
    """Load a group from the rows of the engine `crypto_mls`."""
    keyring = Keyring.load(area)
    client = Client(
        keyring.mls_credential,
        keyring.mls_key_pair,
        identity_provider=Members(now=None),
        group_state_storage=GroupRows(area),
        key_package_storage=KeyPackageRows(area),
    )
    return client.load_group(group_id)


def commit(area: KeyValueArea, group_id: bytes, *, now: int, **options: Any) -> CommitOutput:
    """Step a group to its next epoch; `options` are those of `Group.commit`, by default fresh keys for our leaf."""
    group = load(area, group_id)
    made = group.commit(now=now, **options)
    group.apply_pending_commit()
    group.write_to_storage()
    return made
