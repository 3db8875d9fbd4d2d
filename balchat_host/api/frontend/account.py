"""The area of the account itself."""

from abc import abstractmethod

from balchat_host.api.frontend.area import Area
from balchat_host.api.types import Secret
from balchat_host.api.views import CodeView


class Account(Area):
    """The account itself, and its vault."""

    @abstractmethod
    async def code(self) -> CodeView:
        """Return our chat code."""

    @abstractmethod
    async def verify_passphrase(self, passphrase: Secret) -> None:
        """Check the passphrase in use, as a front end does that locks its screen. Nothing is unlocked or changed.

        It takes the time of an unlocking. Raise WrongSecret.
        """

    @abstractmethod
    async def change_passphrase(self, old: Secret, new: Secret) -> None:
        """Make `new` the passphrase. `old` is the passphrase in use, or the recovery code.

        Raise WrongSecret, WeakPassphrase.
        """

    @abstractmethod
    async def renew_recovery_code(self, passphrase: Secret) -> Secret:
        """Make a new recovery code and return it; the old one stops working. Raise WrongSecret."""

    @abstractmethod
    async def backup(self, target: str) -> None:
        """Write a locked copy of the vault to `target`, an absolute path at which there is nothing yet.

        Raise BadInput, StorageFull, StorageFailed, and then there is nothing at `target`.
        """

    @abstractmethod
    async def shut_down(self) -> int:
        """End the running balchat, cleanly. Return the id of the process that ends, once it has begun to.

        When that process is gone, so is everything that it held: the vault's lock, the socket, its tor.
        Raise NotRunning.
        """
