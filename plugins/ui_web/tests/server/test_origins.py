"""Who is answered: exact names, exact origins, all checks each time; and what every answer says to a browser."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from conftest import Served

pytestmark = pytest.mark.anyio

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


async def spoken(served: Served, octets: bytes) -> bytes:
    """Return what the server answers to octets on a connection of their own, until it closes that."""
    async with await anyio.connect_tcp("127.0.0.1", served.port) as stream:
        await stream.send(octets)
        heard = b""
        with anyio.fail_after(20):
            try:
                while True:
                    heard += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return heard


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, *headers, "Connection: close", "", ""]).encode()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost:{port}",
        "{name}",
        "{name}:1",
        "{name}.evil.example:{port}",
        "evil.{name}:{port}",
        "127.0.0.1",
        "127.0.0.2:{port}",
        "[::1]:{port}",
        "0.0.0.0:{port}",
        "{upper}:{port}",
        "{name}:{port}:{port}",
        "user@{name}:{port}",
        "{name}:0{port}",
        "",
    ],
)
async def test_another_name_is_not_answered_under(serve: Callable[..., Served], host: str) -> None:
    async with serve().live() as served:
        name = served.origin.removeprefix("http://").rpartition(":")[0]
        wrong = host.format(name=name, port=served.port, upper=name.upper())
        said = await spoken(served, request("GET / HTTP/1.1", f"Host: {wrong}"))
        assert said.startswith((b"HTTP/1.1 421 ", b"HTTP/1.0 421 ", b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
        assert b"<html" not in said
        if wrong and "@" not in wrong:
            assert f"It is at {served.origin}/".encode() in said


async def test_both_names_are_answered_under_and_no_request_without_one(serve: Callable[..., Served]) -> None:
    async with serve().live() as served:
        name = served.origin.removeprefix("http://")
        for host in (name, f"127.0.0.1:{served.port}"):
            assert b"<html" in await spoken(served, request("GET / HTTP/1.1", f"Host: {host}"))
        assert b"<html" not in await spoken(served, request("GET / HTTP/1.1"))
        assert b"<html" not in await spoken(served, request("GET / HTTP/1.1", f"Host: {name}", "Host: evil.example"))
        for whole in ("http://evil.example/", f"{served.origin}/", "*"):
            assert b"<html" not in await spoken(served, request(f"GET {whole} HTTP/1.1", f"Host: {name}"))


async def test_it_is_there_at_both_loopback_addresses_and_no_others(serve: Callable[..., Served]) -> None:
    async with serve().live() as served:
        hosts = {host for host, *_ in served.addresses}
        assert "127.0.0.1" in hosts
        assert hosts <= {"127.0.0.1", "::1"}
        assert {port for _, port, *_ in served.addresses} == {served.port}


WRONG_ORIGINS = [
    None,
    "null",
    "",
    "http://127.0.0.1:1",
    "http://evil.example",
    "{origin}.evil.example",
    "{origin}/",
    "https://{host}",
    "http://127.0.0.1:{port}",
    "file://",
]


@pytest.mark.parametrize("origin", WRONG_ORIGINS)
async def test_no_page_of_another_origin_changes_anything(serve: Callable[..., Served], origin: str | None) -> None:
    async with serve().live() as served, served.window() as window:
        wrong = headers_of(served, origin) | {"Authorization": f"Bearer {window.bearer}"}
        for method, path in (
            ("POST", "/lock"),
            ("DELETE", "/session"),
            ("POST", "/files/00?offset=0"),
            ("POST", "/qr"),
        ):
            async with window.session.request(method, path, headers=wrong) as answer:
                assert answer.status == 403
                assert (await answer.json())["error"]["code"] == "refused"
        body = {"token": served.token()}
        async with window.session.post("/session", headers=wrong, json=body) as answer:
            assert answer.status == 403
        assert await window.status("POST", "/session", json=body) == 200


@pytest.mark.parametrize("origin", WRONG_ORIGINS)
async def test_no_page_of_another_origin_opens_a_web_socket(serve: Callable[..., Served], origin: str | None) -> None:
    async with serve().live() as served, served.window() as window:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with window.session.ws_connect("/ws", headers=headers_of(served, origin)):
                pass
        assert refused.value.status == 403


def headers_of(served: Served, origin: str | None) -> dict[str, str]:
    host = served.origin.removeprefix("http://")
    return {} if origin is None else {"Origin": origin.format(origin=served.origin, host=host, port=served.port)}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", ""])
async def test_what_a_browser_says_comes_from_elsewhere_is_refused(serve: Callable[..., Served], site: str) -> None:
    async with serve().live() as served, served.window() as window:
        said = {"Sec-Fetch-Site": site}
        for method, path in (("POST", "/lock"), ("POST", "/session"), ("GET", "/previews/00"), ("GET", "/download/x")):
            assert await window.status(method, path, headers=said) == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with window.session.ws_connect("/ws", headers={"Origin": served.origin} | said):
                pass


@pytest.mark.parametrize(
    ("mode", "destination", "status"),
    [
        ("navigate", "document", 200),
        ("navigate", "iframe", 403),
        ("no-cors", "image", 403),
        ("no-cors", "script", 403),
        ("cors", "empty", 403),
        ("websocket", "empty", 403),
    ],
)
async def test_another_page_opens_the_shell_as_a_whole_or_not_at_all(
    serve: Callable[..., Served], mode: str, destination: str, status: int
) -> None:
    async with serve().live() as served, served.browser() as session:
        said = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
        async with session.get("/", headers=said) as answer:
            assert answer.status == status


async def test_every_answer_says_what_a_browser_may_do_with_it(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        asked = [
            window.fetch("GET", "/"),
            window.fetch("GET", "/nowhere"),
            window.fetch("GET", "/previews/00"),
            window.fetch("GET", "/", headers={"Host": "evil.example"}),
            window.fetch("POST", "/session", json={}),
            window.fetch("POST", "/session", data=b"x"),
            window.fetch("PUT", "/session"),
            window.fetch("HEAD", "/"),
            window.fetch("POST", "/lock", headers={"Origin": "null"}),
            window.fetch("POST", "/qr", data=b"x", headers={"Expect": "100-continue"}),
        ]
        statuses: list[int] = []
        for each in asked:
            async with each as answer:
                statuses.append(answer.status)
                check_headers(answer.headers)
        assert statuses == [200, 404, 404, 421, 401, 403, 405, 405, 403, 417]
        said = await spoken(served, b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b" 400 " in said.partition(b"\r\n")[0]
        assert POLICY.encode() in said
        assert b"nonsense" not in said
        assert b"aiohttp" not in said


def check_headers(headers: Mapping[str, str]) -> None:
    given = {name.lower(): value for name, value in headers.items()}
    # The shell's own style is allowed by its hash, which a browser computes as this does; nothing else differs.
    assert re.sub(r" 'sha256-[\w+/]{43}='", "", given["content-security-policy"]) == POLICY
    assert given["x-content-type-options"] == "nosniff"
    assert given["referrer-policy"] == "no-referrer"
    assert given["cross-origin-opener-policy"] == given["cross-origin-resource-policy"] == "same-origin"
    assert given["cache-control"] == "no-store"
    assert "server" not in given
    assert not [name for name in given if name.startswith("access-control-")]


async def test_only_the_style_of_the_shell_is_allowed_by_its_hash(serve: Callable[..., Served]) -> None:
    async with serve(theme="dark").live() as served, served.browser() as session, session.get("/") as answer:
        shell = await answer.text()
        style = shell.partition("<style>")[2].partition("</style>")[0]
        hashed = b64encode(sha256(style.encode()).digest()).decode()
        assert f"style-src 'self' 'sha256-{hashed}'; " in answer.headers["Content-Security-Policy"]
        assert 'data-theme="dark"' in shell


async def test_what_is_in_the_path_is_kept_for_ever_and_nothing_else_is_there(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.browser() as session:
        async with session.get("/") as answer:
            shell = await answer.text()
        path = shell.partition('src="')[2].partition('"')[0]
        async with session.get(path) as answer:
            assert answer.status == 200
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert answer.headers["Content-Security-Policy"] == POLICY
        folder = path.rpartition("/")[0]
        for wrong in ("index.html", "../settings.py", "%2e%2e/settings.py", "..%2fsettings.py", "page/index.html", ""):
            async with session.get(aiohttp.client.URL(f"{folder}/{wrong}", encoded=True)) as answer:
                assert answer.status in {404, 403}
        texts = f"{folder}/texts/es.json"
        async with session.get(texts) as answer:
            assert (await answer.json())["common.cancel"]


@pytest.mark.parametrize("taken", ["gzip", "identity"])
async def test_the_page_comes_compressed_to_whoever_takes_that(serve: Callable[..., Served], taken: str):
    headers = {"Accept-Encoding": taken}
    async with serve().live() as served, served.browser() as session:
        async with session.get("/", headers=headers) as answer:
            assert answer.headers.get("Content-Encoding", "identity") == taken
            shell = await answer.text()
        path = shell.partition('src="')[2].partition('"')[0].replace("boot.js", "main.js")
        async with session.get(path, headers=headers) as answer:
            assert answer.headers.get("Content-Encoding", "identity") == taken
            assert answer.headers["Vary"] == "Accept-Encoding"
            assert (await answer.text()).startswith("/* Made by scripts/web_vendor.py")
