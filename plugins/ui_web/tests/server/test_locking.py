"""A locked screen: no window has anything any more, and the passphrase alone opens it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Any

    from conftest import Served, Window

pytestmark = pytest.mark.anyio

PASSPHRASE = "correct horse battery staple"  # nothing is behind it


async def reopen(window: Window, passphrase: str, bearer: str | None = None) -> tuple[int, Any]:
    body = {"bearer": bearer or window.bearer, "passphrase": passphrase}
    async with window.fetch("POST", "/session", json=body) as answer:
        said = await answer.json()
        return answer.status, said.get("bearer") or said["error"]["code"]


async def test_a_lock_ends_every_window_and_the_account_goes_on(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as one, served.window() as other:
        token = served.token()
        async with one.connected() as wire, other.connected() as other_wire:
            async with one.fetch("POST", "/lock") as answer:
                assert answer.status == 204
                assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
            assert await wire.closed() == 4423
            assert await other_wire.closed() == 4423
        for window in (one, other):
            async with window.fetch("GET", "/previews/00") as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (401, "screen-locked")
        # A link that was given out before is no way around the passphrase.
        assert await one.status("POST", "/session", json={"token": token}) == 401
        served.befriend("Bob").write("hello")
        assert not served.account.ended


async def test_a_web_socket_of_a_locked_window_is_refused_as_such(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        await window.status("POST", "/lock")
        async with window.session.ws_connect("/ws", headers={"Origin": served.origin}) as socket:
            await socket.send_json({"bearer": window.bearer})
            assert (await socket.receive()).data == 4423


async def test_the_passphrase_opens_it_again_under_another_bearer(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        await window.status("POST", "/lock")
        assert await reopen(window, "something else") == (401, "wrong-secret")
        old = window.bearer
        status, window.bearer = await reopen(window, PASSPHRASE)
        assert (status, window.bearer != old) == (200, True)
        async with window.connected() as wire:
            assert await wire.ask("events.cursor") >= 0
        assert await reopen(window, PASSPHRASE, old) == (401, "signed-out")


async def test_the_browser_is_told_again_to_forget_by_a_window_that_was_locked(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        served.server.lock()
        for _ in range(2):
            async with window.fetch("POST", "/lock") as answer:
                assert (answer.status, answer.headers["Clear-Site-Data"]) == (204, '"cache", "storage"')
        assert (await reopen(window, PASSPHRASE))[0] == 200


async def test_the_passphrase_without_a_locked_window_opens_nothing(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        assert await reopen(window, PASSPHRASE) == (401, "signed-out")
        assert await reopen(window, PASSPHRASE, "wrong") == (401, "signed-out")
        await window.status("POST", "/lock")
        assert await reopen(window, PASSPHRASE, "wrong") == (401, "signed-out")


async def test_whoever_guesses_has_to_wait_longer_and_longer(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window:
        await window.status("POST", "/lock")
        for _ in range(3):
            assert await reopen(window, "wrong one") == (401, "wrong-secret")
        waits: list[int] = []
        for _ in range(4):
            async with window.fetch("POST", "/session", json={"bearer": window.bearer, "passphrase": PASSPHRASE}) as no:
                assert no.status == 429
                error = (await no.json())["error"]
                assert error["code"] == "wait"
                waits.append(error["fields"]["seconds"])
            served.clock.now += waits[-1]
            assert await reopen(window, "wrong one") == (401, "wrong-secret")
        assert waits == [2, 4, 8, 16]
        served.clock.now += 32
        assert (await reopen(window, PASSPHRASE))[0] == 200


async def test_nobody_there_locks_the_screen_and_whoever_is_there_keeps_it_open(serve: Callable[..., Served]) -> None:
    async with serve(lock_minutes=10).live() as served, served.window() as window, window.connected() as wire:
        peer = served.befriend("Bob")
        for _ in range(3):
            served.clock.now += 599
            served.server.lock_if_nobody_is_there()
            await wire.ask("web.active")
        served.clock.now += 300
        # What comes, and what a page does by itself, shows nobody.
        peer.write("hello")
        await wire.ask("messages.history", conversation="Bob")
        await wire.ask("events.attend", conversation="Bob")
        served.clock.now += 300
        served.server.lock_if_nobody_is_there()
        assert await wire.closed() == 4423


async def test_it_locks_by_itself_when_the_time_has_come(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balchat_ui_web.serving._LOOK", 0.01)
    async with serve(lock_minutes=1).live() as served, served.window() as window, window.connected() as wire:
        served.clock.now += 60
        assert await wire.closed() == 4423


async def test_it_does_not_lock_by_itself_where_it_shall_not(serve: Callable[..., Served]) -> None:
    async with serve(lock_minutes=0).live() as served, served.window() as window, window.connected() as wire:
        served.clock.now += 10**7
        served.server.lock_if_nobody_is_there()
        assert await wire.ask("events.cursor") >= 0


async def test_a_change_of_the_minutes_holds_at_once(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        await wire.ask("settings.set", key="settings.ui_web.lock_minutes", value=1)
        await served.until(lambda: served.server.account.settings.lock_minutes == 1)
        assert (await wire.ask("web.state"))["lock_minutes"] == 1


async def test_an_account_that_has_ended_meanwhile_is_started_by_the_same_passphrase(
    serve: Callable[..., Served],
) -> None:
    async with serve().live() as served, served.window() as window:
        await window.status("POST", "/lock")
        await served.end()
        assert await reopen(window, "wrong one") == (401, "wrong-secret")
        status, window.bearer = await reopen(window, PASSPHRASE)
        assert status == 200
        async with window.connected() as wire:
            assert await wire.ask("events.cursor") >= 0


async def test_an_account_that_was_started_elsewhere_meanwhile_opens_the_screen_to_the_right_passphrase_only(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balchat_ui_web.account.LOOK", 3600)
    async with serve().live() as served, served.window() as window:
        await window.status("POST", "/lock")
        await served.end()
        await served.until(lambda: served.server.account.app is None)
        await served.start()
        assert served.server.account.app is None, "the server has not seen yet that it runs"
        assert await reopen(window, "wrong one") == (401, "wrong-secret")
        assert (await reopen(window, PASSPHRASE))[0] == 200


async def test_a_ticket_from_before_fetches_nothing(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = await wire.ask("files.attach", name="a.txt", size=3)
        assert await window.status("POST", f"/files/{file['id']}?offset=0", data=b"abc") == 200
        path = (await wire.ask("web.ticket", file=file["id"]))["path"]
        await window.status("POST", "/lock")
        assert await window.status("GET", path) == 404


async def test_a_file_that_was_begun_is_written_to_its_end_and_nothing_else_is(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        begun = (await wire.ask("files.attach", name="a.txt", size=9))["id"]
        other = (await wire.ask("files.attach", name="b.txt", size=9))["id"]
        assert await window.status("POST", f"/files/{begun}?offset=0", data=b"abc") == 200
        await window.status("POST", "/lock")
        assert await window.status("POST", f"/files/{begun}?offset=3", data=b"def") == 200
        assert await window.status("POST", f"/files/{other}?offset=0", data=b"abc") == 401
        for path in (f"/previews/{begun}", f"/pictures/{begun}", f"/voice/{begun}"):
            assert await window.status("GET", path) == 401
        async with served.window() as stranger:
            assert await stranger.status("POST", f"/files/{begun}?offset=6", data=b"ghi") == 401
        served.clock.now += 61
        assert await window.status("POST", f"/files/{begun}?offset=6", data=b"ghi") == 401
        assert (await reopen(window, PASSPHRASE))[0] == 200
        assert await window.status("POST", f"/files/{begun}?offset=6", data=b"ghi") == 401, "its bearer is gone"


async def test_what_was_sent_before_goes_when_its_files_are_written(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        peer = served.befriend("Bob")
        file = (await wire.ask("files.attach", name="a.txt", size=6))["id"]
        assert await window.status("POST", f"/files/{file}?offset=0", data=b"abc") == 200
        await wire.say("web.send_when_written", conversation="Bob", text="the plan", files=[file])
        await wire.ask("events.cursor")
        await window.status("POST", "/lock")
        assert await wire.closed() == 4423
        assert [message.text for message in peer.conversation if message.text == "the plan"] == []
        events = served.account.app.events.follow(await served.account.app.events.cursor())
        assert await window.status("POST", f"/files/{file}?offset=3", data=b"def") == 200
        with anyio.fail_after(20):
            while getattr(getattr(await anext(events), "message", None), "text", "") != "the plan":
                pass


async def test_what_is_sent_waits_for_files_that_come_and_for_no_others(serve: Callable[..., Served]) -> None:
    async with serve().live() as served, served.window() as window, window.connected() as wire:
        served.befriend("Bob")
        sent = {"conversation": "Bob", "text": "hi"}
        assert (await wire.ask("web.send_when_written", **sent, files=[]))["text"] == "hi"
        assert await wire.ask("web.send_when_written", **sent, files=["00"]) == "no-such-file"


async def test_a_download_that_has_begun_ends_and_no_other_begins(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file would be left otherwise. It was asked for before, and goes to where it was asked for."""
    go_on = anyio.Event()

    async def slowly(*_: object, **__: object) -> AsyncIterator[bytes]:
        yield b"ab"
        await go_on.wait()
        yield b"c"

    async with serve().live() as served, served.window() as window, window.connected() as wire:
        file = (await wire.ask("files.attach", name="a.txt", size=3))["id"]
        assert await window.status("POST", f"/files/{file}?offset=0", data=b"abc") == 200
        monkeypatch.setattr(served.account.app.files, "read", slowly)
        running, waiting = [(await wire.ask("web.ticket", file=file))["path"] for _ in range(2)]
        async with window.session.get(running) as answer:
            assert await answer.content.readexactly(2) == b"ab"
            await window.status("POST", "/lock")
            go_on.set()
            assert await answer.content.read() == b"c"
        assert await window.status("GET", waiting) == 404


async def test_where_only_a_terminal_may_ask_the_lock_ends_the_server(serve: Callable[..., Served]) -> None:
    async with serve(unlock="terminal").live() as served, served.window() as window:
        await window.status("POST", "/lock")
        assert served.server.ended.is_set()
        assert await reopen(window, PASSPHRASE) == (403, "terminal-only")
