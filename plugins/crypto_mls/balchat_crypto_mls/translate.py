"""mls-rs-py's errors as balchat's: the same three faults under the names that the contract promises."""

from collections.abc import Generator
from contextlib import contextmanager

from mls_rs_py import errors as mls

from balchat_crypto_mls.members import UnboundIdentity
from balchat_host.api.errors import BadInput, CryptoRejected, InternalError, VaultDamaged


@contextmanager
def translated(*, theirs: bool = False) -> Generator[None]:
    """Raise BadCredential, CryptoRejected, BadInput, VaultDamaged or InternalError for what mls-rs-py raises inside.

    Where octets are `theirs`, it is not the caller who is at fault, whatever mls-rs-py says.
    Errors of the vault, which come through mls-rs-py as themselves, stay what they are.
    """
    try:
        yield
    except UnboundIdentity as error:
        raise error.problem from error
    except mls.PeerError as error:
        raise CryptoRejected(problem=_text(error)) from error
    except mls.GroupNotFoundError as error:
        raise BadInput(what="group", problem="there is no such group here") from error
    except mls.CallerError as error:
        if theirs:
            raise CryptoRejected(problem=_text(error)) from error
        raise BadInput(what="group", problem=_text(error)) from error
    except mls.StorageError as error:
        raise VaultDamaged(problem=_text(error)) from error
    except mls.MlsError as error:
        raise InternalError(kind=_text(error)) from error


def _text(error: mls.MlsError) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
