"""What a plugin did wrong, in words for people."""

from typing import TypeVar

from balchat_host.api.errors import BalchatError
from balchat_host.api.failures import kind_of, leaves

T = TypeVar("T")


def words_of(error: BaseException) -> str:
    """Return what an exception was, in words that follow "run()": an error of balchat's own says it itself."""
    if isinstance(error, BalchatError):
        try:
            return f"said: {str(error).rstrip('.')}"
        except Exception:  # noqa: BLE001, S110  # a plugin's own error may be unable to say anything
            pass
    return f"raised {kind_of(error)}"


def only(error: BaseException) -> BaseException:
    """Return the exception that a group holds, where it holds only one; else the group."""
    found = list(leaves(error))
    return found[0] if len(found) == 1 else error


def checked(made: object, kind: type[T]) -> T:
    """Return what a plugin made. Raise TypeError where it is of another kind."""
    if not isinstance(made, kind):
        raise TypeError(f"{type(made).__name__} is not a {kind.__name__}")
    return made
