"""What happens to every request on its way to a handler and back, from the outside in.

answer_refusals     what is raised becomes a typed refusal, and how each request came out is counted
read_body           a body is bounded in size, memory and time; an answer in memory. `blobs` sees to that itself
limit_rate          a connection asks only so much a second
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from aiohttp import hdrs, web
from balchat_relay_proto.codec import Malformed
from balchat_relay_proto.errors import Code, Refused
from balchat_relay_proto.requests import PutBlob
from balchat_relay_proto.sizes import ENVELOPE_SIZES, MAX_REQUEST

from balchat_relay.metrics import Metrics
from balchat_relay.settings import Limits
from balchat_relay.web.answers import Answer, Streamed, refusal
from balchat_relay.web.connection import BUSY_RETRY, UNKNOWN, Connection
from balchat_relay.web.limiting import Memory

SMALL: Final = ENVELOPE_SIZES[1] + 4096
"""Octets of a body that takes nothing of the budget: nobody who sends or reads large ones slowly can crowd it out."""

LIMITS: Final = web.AppKey("limits", Limits)
METRICS: Final = web.AppKey("metrics", Metrics)
MEMORY: Final = web.AppKey("memory", Memory)

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

_log: Final = logging.getLogger(__name__)


def connection_of(request: web.Request) -> Connection:
    """Return the connection that a request came over."""
    connection = request.protocol
    assert isinstance(connection, Connection)
    return connection


@web.middleware
async def answer_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a refusal where one is raised, and count."""
    operation = request.match_info.route.name or UNKNOWN
    metrics = request.app[METRICS]
    try:
        _check_protocol(request)
        answer = await handler(request)
    except ConnectionError:  # the client is gone
        raise
    except Exception as error:  # noqa: BLE001  # one request's failure must not end the others
        refused = _refused(error)
        metrics.requests[operation, refused.code] += 1
        # aiohttp handles requests that were sent ahead without a pause. Whoever is refused many lets others go first.
        await asyncio.sleep(0)
        answer = refusal(refused)
        if request.can_read_body or hdrs.UPGRADE in request.headers:
            answer.force_close()
        return answer
    metrics.requests[operation, "ok"] += 1
    return answer


def _check_protocol(request: web.Request) -> None:
    """Raise Refused for an offer of another protocol than WebSocket: aiohttp reads nothing after it."""
    if request.headers.get(hdrs.UPGRADE, "websocket").lower() != "websocket":
        raise Refused(Code.MALFORMED, "A connection can be upgraded to a WebSocket only.")


def _refused(error: Exception) -> Refused:
    """Return what a client is told of an error."""
    match error:
        case Refused():
            return error
        case Malformed():
            return Refused(Code.MALFORMED, str(error))
        case web.HTTPException():  # of aiohttp's router
            return Refused(Code.UNKNOWN_OPERATION, "POST one of the operations, or GET /v1/subscribe.")
        case _:
            _log.error("an operation failed: %s", type(error).__name__)
            return Refused(Code.INTERNAL, "The relay failed.", retry_after=BUSY_RETRY)


@web.middleware
async def read_body(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read the body before the handler is called, and send the answer before the memory for both is given back."""
    if request.method != hdrs.METH_POST or request.match_info.route.name == PutBlob.OPERATION:
        return await handler(request)
    size = _checked_length(request)
    with request.app[MEMORY].account() as account:
        if size > SMALL:
            account.take(size)
        await _read(request)
        answer = await handler(request)
        if isinstance(answer, Streamed):
            return answer
        assert isinstance(answer, Answer)
        if answer.size > SMALL:
            account.take(answer.size)
        await answer.prepare(request)
        if answer.size > SMALL:
            request.writer.send_headers()  # together with the body, aiohttp would copy that
        await answer.write_eof()
    return answer


async def _read(request: web.Request) -> None:
    """Read the body, which aiohttp keeps for the handler. Raise Refused (TOO_SLOW)."""
    if request.content.is_eof():  # it has come with the head: nothing to wait for
        await request.read()
        return
    try:
        async with asyncio.timeout(request.app[LIMITS].body_timeout):
            await request.read()
    except TimeoutError:
        raise Refused(Code.TOO_SLOW, "The body did not come in time.", retry_after=BUSY_RETRY) from None


def _checked_length(request: web.Request) -> int:
    """Return the body's size. Raise Refused where it is not known, or too large."""
    headers = request.headers
    if hdrs.CONTENT_ENCODING in headers or hdrs.TRANSFER_ENCODING in headers or request.content_length is None:
        raise Refused(Code.MALFORMED, "A plain body with a Content-Length is needed.")
    if request.content_length > MAX_REQUEST:
        raise Refused(Code.TOO_LARGE, f"A body has at most {MAX_REQUEST} octets.")
    return request.content_length


@web.middleware
async def limit_rate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a connection asks beyond its rate."""
    connection_of(request).bucket.take("requests on this connection")
    return await handler(request)
