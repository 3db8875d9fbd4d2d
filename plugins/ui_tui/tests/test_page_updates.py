"""The pages' states: what a person's action asks of the account, and what is said of the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from balchat_texts import Texts
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens import lock, network, relays, secrets, settings
from balchat_ui_tui.actions import ConnectionChanged, Failed, Heard
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.effects import Call, CloseScreen, Reconnect
from balchat_ui_tui.entry import create, unlock
from balchat_ui_tui.files import listing
from balchat_ui_tui.jobs import CheckPassphrase, LookForFile, ReadQrPicture, path_in
from balchat_ui_tui.pages.actions import Opened, Pressed, Submitted, Typed
from balchat_ui_tui.people import add, contact, requests, verify

from balchat_host.api.errors import (
    NameTaken,
    SafetyNumberDiffers,
    SettingLocked,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.events import RequestClosed, RequestReceived
from balchat_host.api.frontend import SettingView
from balchat_host.api.types import Phase as ServicePhase
from balchat_host.api.types import Secret, ServiceState
from balchat_host.api.views import (
    ContactInfoView,
    RequestView,
    RouteView,
    SafetyNumberView,
)
from tests.support import views
from tests.support.tui_effects import HOSTILE, UP, call_of, notice_of, opened_of

T = Texts("en")


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/" + "x" * 4000, "/etc/passwd/x", "/dev/null", "/"])
async def test_a_pasted_path_that_is_no_file_is_taken_as_a_text(path: str) -> None:
    tui: Any = None
    assert await LookForFile(path=Path(path)).run(tui, lambda _: None) is None


# -- entry


def test_a_wrong_passphrase_is_counted_and_said_and_can_be_typed_again() -> None:
    state = unlock.UnlockState()
    state, effects = unlock.update(state, Submitted({"secret": "guess"}), T)
    assert call_of(effects).method == "start"
    assert state.waiting
    assert unlock.update(state, Submitted({"secret": "again"}), T) == (state, ()), "one try at a time"
    state, _ = unlock.update(state, Failed(WrongSecret(slot="passphrase")), T)
    assert state.problem == T("entry.wrong-passphrase")
    state, _ = unlock.update(replace(state, waiting=True), Failed(WrongSecret(slot="passphrase")), T)
    assert "2 tries" in (state.problem or "")
    assert not state.waiting


def test_the_page_that_asks_for_the_passphrase_stays_until_enter_where_something_else_started_the_account() -> None:
    up = ConnectionChanged(Connection(phase=Phase.UP))
    state, effects = unlock.update(unlock.UnlockState(), up, T)
    assert effects == (), "the rest of what is typed would go to whoever is written to"
    assert unlock.update(state, Submitted({"secret": "half a passphr"}), T)[1] == (CloseScreen(),)
    assert unlock.update(unlock.UnlockState(waiting=True), up, T)[1] == (CloseScreen(),)


def test_secrets_are_in_no_trace_of_a_state_or_an_effect() -> None:
    secret = "correct horse battery"
    state, effects = unlock.update(unlock.UnlockState(), Submitted({"secret": secret}), T)
    made, more = create.update(
        create.CreateState(), Submitted({"name": "Ada", "passphrase": secret, "again": secret}), T
    )
    shown = create.CodeState(code=Secret.from_text("AAAA-BBBB"), passphrase=Secret.from_text(secret))
    traces = repr((state, effects, made, more, shown, Submitted({"a": secret}), Typed("a", secret)))
    assert secret not in traces
    assert "AAAA-BBBB" not in traces


def test_the_vault_says_whether_a_passphrase_will_do_while_it_is_typed() -> None:
    state, effects = create.update(create.CreateState(), Typed("passphrase", "short"), T)
    assert isinstance(effects[0], CheckPassphrase)
    state, _ = create.update(state, create.TooWeak(WeakPassphrase(problem="it has 5 characters")), T)
    assert "it has 5 characters" in (state.strength or "")
    assert not state.sound
    state, _ = create.update(state, create.Checked(), T)
    assert state.sound


def test_two_passphrases_that_differ_make_no_account() -> None:
    values = {"name": "Ada", "passphrase": "one", "again": "other"}
    state, effects = create.update(create.CreateState(), Submitted(values), T)
    assert effects == ()
    assert state.problem == T("entry.passphrases-differ")


def test_the_recovery_code_is_left_only_once_it_was_written_down_and_then_the_account_starts() -> None:
    state = create.CodeState(code=Secret.from_text("AAAA"), passphrase=Secret.from_text("correct horse"))
    state, effects = create.update_code(state, Pressed("go-on"), T)
    assert effects == ()
    assert state.problem
    state, _ = create.update_code(state, Typed("kept", "yes"), T)
    state, effects = create.update_code(state, Pressed("go-on"), T)
    assert call_of(effects).method == "start"
    _, effects = create.update_code(state, ConnectionChanged(Connection(phase=Phase.UP)), T)
    assert effects == (CloseScreen(),)


# -- people


@pytest.mark.parametrize(
    ("pasted", "path"),
    [
        ("/tmp/qr.png", "/tmp/qr.png"),
        ("'/tmp/my qr.png'", "/tmp/my qr.png"),
        ("/tmp/my\\ qr.png ", "/tmp/my qr.png"),
        ("file:///tmp/my%20qr.png", "/tmp/my qr.png"),
        ("file://elsewhere/tmp/qr.png", None),
        ("balchat:abc", None),
        ("Hello /tmp/x", None),
        ("/one\n/two", None),
        ("", None),
    ],
)
def test_a_dropped_file_is_known_by_its_path_however_the_terminal_writes_it(pasted: str, path: str | None) -> None:
    assert path_in(pasted) == (Path(path) if path else None)


def test_one_field_takes_a_code_or_the_picture_of_one() -> None:
    values = {"code": " balchat:abc ", "name": "", "introduction": "Hi"}
    state, effects = add.update(add.AddState(), Submitted(values), T)
    assert call_of(effects).arguments == {"code": "balchat:abc", "name": None, "introduction": "Hi"}
    state, effects = add.update(add.AddState(), Submitted(values | {"code": "/tmp/qr.png", "name": "Bob"}), T)
    assert isinstance(effects[0], ReadQrPicture)
    nothing, _ = add.update(state, add.QrRead(None), T)
    assert nothing.problem == T("people.no-qr")
    assert not nothing.waiting
    _, effects = add.update(state, add.QrRead("balchat:xyz"), T)
    assert call_of(effects).arguments == {"code": "balchat:xyz", "name": "Bob", "introduction": "Hi"}


def request(name: str, peer: str = "aa") -> RequestView:
    return RequestView(peer_id=peer, onion=f"{peer}.onion", name=name, introduction=HOSTILE, received_at=0)


def test_requests_come_and_go_as_they_are_told_and_strangers_draw_nothing() -> None:
    state, _ = requests.update(requests.RequestsState(), requests.Listed([request("Ann")]), UP, T)
    heard = RequestReceived(cursor=1, at=0, request=request(HOSTILE, "bb"))
    state, _ = requests.update(state, Heard(heard), UP, T)
    rows = requests.rows(state, T, 0)
    assert [row.id for row in rows] == ["aa", "bb"]
    shown = "".join(f"{row.text}{row.note}".replace("\n", "") for row in rows)
    assert shown.isprintable()
    closed = RequestClosed(cursor=2, at=0, peer_id="aa", outcome="accepted")
    state, _ = requests.update(state, Heard(closed), UP, T)
    assert [each.peer_id for each in state.requests or ()] == ["bb"]


def test_a_request_whose_name_is_taken_asks_for_another_one() -> None:
    state = requests.RequestsState(requests=(request("Bob"),))
    _, effects = requests.update(state, requests.AcceptFailed("aa", NameTaken(name="Bob")), UP, T)
    ask = opened_of(effects)
    assert "Bob" in str(ask.arguments["question"])
    assert ask.closed is not None
    _, effects = requests.update(state, ask.closed("Bob the other"), UP, T)
    assert call_of(effects).arguments == {"request": "aa", "name": "Bob the other"}


NUMBER = " ".join(["12345"] * 12)


def test_a_contact_is_verified_by_the_digits_that_were_compared_and_never_by_a_glance() -> None:
    number = SafetyNumberView(contact="Bob", safety_number=NUMBER, verified=False)
    state = verify.VerifyState(peer_id="bb", name="Bob", number=number)
    glanced, effects = verify.update(state, Submitted({"theirs": "", "compared": ""}), UP, T)
    assert effects == ()
    assert glanced.problem == T("people.compare-first")
    _, effects = verify.update(state, Submitted({"theirs": "", "compared": "yes"}), UP, T)
    assert call_of(effects).arguments == {"contact": "bb", "safety_number": "12345" * 12}
    _, effects = verify.update(state, Submitted({"theirs": "99999 11111", "compared": "yes"}), UP, T)
    assert call_of(effects).arguments["safety_number"] == "9999911111", "what was pasted is what is compared"
    failed, _ = verify.update(replace(state, waiting=True), Failed(SafetyNumberDiffers(name="Bob")), UP, T)
    assert failed.problem == T("people.differs", name="Bob")


def test_the_safety_number_is_shown_in_groups_that_fit() -> None:
    assert verify.in_groups(NUMBER, 76).splitlines() == ["12345  12345  12345  12345"] * 3
    assert verify.in_groups(NUMBER, 20).splitlines() == ["12345  12345"] * 6


def test_what_cannot_be_undone_is_asked_first() -> None:
    asks = contact._confirm("Sure?", "Remove", "remove")
    assert asks.arguments["serious"] is True


# -- account


def setting(**more: Any) -> SettingView:
    return replace(SettingView(key="delivery.policy", value="both", source="default", kind="choice"), **more)


def test_a_setting_is_changed_by_its_kind_and_a_fixed_one_says_who_fixed_it() -> None:
    free = setting(writable=True, choices=("both", "direct-only"))
    state = settings.SettingsState(settings=(free,))
    _, effects = settings.update(state, Pressed("choose", "delivery.policy"), UP, T)
    assert opened_of(effects).name == "choose"
    switch = setting(key="delivery.read_receipts", value=True, kind="boolean", writable=True)
    _, effects = settings.update(settings.SettingsState(settings=(switch,)), Pressed("choose", switch.key), UP, T)
    assert call_of(effects).arguments == {"key": switch.key, "value": False}
    locked = setting(writable=True, locked_by="/etc/balchat/balchat.toml")
    _, effects = settings.update(settings.SettingsState(settings=(locked,)), Pressed("choose", locked.key), UP, T)
    assert "/etc/balchat/balchat.toml" in notice_of(effects)


def test_a_number_that_is_none_is_not_sent_and_a_refusal_is_said() -> None:
    number = setting(key="delivery.hedge_seconds", value=8, kind="integer", writable=True, allowed="0 to 60")
    state = settings.SettingsState(settings=(number,))
    _, effects = settings.update(state, settings.ValueTyped(number.key, "soon"), UP, T)
    assert "0 to 60" in notice_of(effects)
    _, effects = settings.update(state, settings.ValueTyped(number.key, "9"), UP, T)
    assert call_of(effects).arguments["value"] == 9
    _, effects = settings.update(state, Failed(SettingLocked(key="a", lock="b")), UP, T)
    assert "fixed by b" in notice_of(effects)


def test_a_setting_that_holds_after_a_restart_says_so() -> None:
    changed = setting(value="direct-only", pending=True, writable=True)
    state, effects = settings.update(
        settings.SettingsState(settings=(setting(),)), settings.SettingCame(changed), UP, T
    )
    assert notice_of(effects) == T("settings.after-restart")
    assert any(T("settings.pending-mark") in row.side for row in settings.rows(state, T))


def test_a_locked_screen_opens_by_the_passphrase_only_and_by_starting_what_has_ended() -> None:
    typed = Submitted({"passphrase": "guess"})
    state, effects = lock.update(lock.LockState(), typed, UP, T)
    assert call_of(effects).method == "account.verify_passphrase"
    wrong, effects = lock.update(state, Failed(WrongSecret(slot="passphrase")), UP, T)
    assert effects == ()
    assert "1 try" in (wrong.problem or "")
    _, effects = lock.update(state, lock.Right(), UP, T)
    assert effects == (CloseScreen(), Reconnect())
    _, effects = lock.update(lock.LockState(), typed, AccountState(), T)
    assert call_of(effects).method == "start"


def test_a_new_recovery_code_is_shown_once_and_a_backup_says_where_it_is() -> None:
    _, effects = secrets.update_code(secrets.SecretsState(), secrets.CodeMade(Secret.from_text("AAAA")), T)
    assert opened_of(effects).name == "entry.recovery-code"
    state, effects = secrets.update_backup(secrets.SecretsState(), Submitted({"target": "~/b"}), T)
    assert str(call_of(effects).arguments["target"]).startswith("/")
    _, effects = secrets.update_backup(state, secrets.Done(), T)
    assert state.target in notice_of(effects)


def test_a_service_shows_its_stage_its_per_cent_and_its_reason_harmlessly() -> None:
    starting = ServiceState(phase=ServicePhase.STARTING, percent=45, reason=f"descriptors{HOSTILE}")
    said = network.service_words(starting, T)
    assert "45 %" in said
    assert "descriptors" in said
    assert said.isprintable()
    assert network.service_words(ServiceState(phase=ServicePhase.STARTING, percent=250), T).count("━") <= 20


def test_without_an_account_nothing_is_said_to_be_well() -> None:
    rows = network.rows(network.NetworkState(), AccountState(), T, 0)
    assert [row.text for row in rows] == [T("network.no-account")]


def test_a_relay_is_removed_only_after_a_question() -> None:
    state, effects = relays.update(relays.RelaysState(), Pressed("remove", "abc.onion"), UP, T)
    ask = opened_of(effects)
    assert ask.arguments["serious"] is True
    assert ask.closed is not None
    _, effects = relays.update(state, ask.closed(True), UP, T)
    assert call_of(effects).method == "relays.remove"


def test_how_a_contact_is_reached_stands_with_them() -> None:
    ways = (
        RouteView(transport="transport_tor_direct", direct=True, onion="device.onion"),
        RouteView(transport="transport_relay", direct=False, onion="relay.onion", until=1_800_000_000_000),
    )
    info = ContactInfoView(contact=views.contact("Bob"), devices=(), alarms=(), routes=ways)
    shown = contact.rows(contact.ContactPageState(peer_id="peer-Bob", info=info), UP, T)
    known = {row.note: row.text for row in shown}
    assert known["device.onion"] == "Directly"
    assert known["relay.onion"].startswith("Through a relay, also while they are away · until ")


def test_a_request_can_be_declined_and_its_sender_blocked() -> None:
    asking = requests.RequestsState(
        requests=(RequestView(peer_id="eve", onion="o", name="Eve", introduction="", received_at=0),)
    )
    _, effects = requests.update(asking, Pressed("block", "eve"), UP, T)
    asked = opened_of(effects)
    assert "no longer hear" in str(asked.arguments["question"])
    _, effects = requests.update(asking, asked.closed(True), UP, T)
    assert call_of(effects) == Call("requests.block", {"request": "eve"})


def test_every_page_reads_again_when_the_account_comes_back() -> None:
    back = ConnectionChanged(Connection(phase=Phase.UP))
    for action in (back, Opened()):
        assert call_of(requests.update(requests.RequestsState(), action, UP, T)[1]).method == "requests.list"
        assert call_of(listing.update(listing.FilesState(), action, UP, T)[1]).method == "files.list"
        assert call_of(settings.update(settings.SettingsState(), action, UP, T)[1]).method == "settings.list"
    assert requests.update(requests.RequestsState(), Opened(), AccountState(), T)[1] == ()
