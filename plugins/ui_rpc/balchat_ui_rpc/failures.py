"""What nobody foresaw: it ends the call or the connection that it came from, and nothing wider."""

import logging
import traceback
from typing import Final

from anyio import get_cancelled_exc_class

_log: Final = logging.getLogger(__name__)


def contain(what: str, error: BaseException) -> None:
    """Log that `what` failed; raise `error` again where it is cancellation, Ctrl-C or the closing of a coroutine."""
    if isinstance(error, get_cancelled_exc_class() | KeyboardInterrupt | GeneratorExit):
        raise error
    # Where it happened helps; the exception's own text may hold what people wrote.
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error("%s failed with %s\n%s", what, type(error).__name__, where)
