"""The pages' states: what a person's action asks of the account, and what is said of the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from balchat_texts import Texts
from balchat_ui_tui.account import AccountState
from balchat_ui_tui.account_screens import lock, network, relays, secrets, settings
from balchat_ui_tui.actions import Action, ConnectionChanged, Failed, Heard, Told
from balchat_ui_tui.chat import words
from balchat_ui_tui.chat.state import ChatState
from balchat_ui_tui.connection_state import Connection, Phase
from balchat_ui_tui.conversations.rows import presence
from balchat_ui_tui.conversations.state import ListState
from balchat_ui_tui.effects import Call, CloseScreen, Notice, OpenScreen, ProfileCall, Reconnect
from balchat_ui_tui.entry import create, unlock
from balchat_ui_tui.files import listing, picture, staging
from balchat_ui_tui.files.jobs import AttachFile, GetPicture
from balchat_ui_tui.jobs import CheckPassphrase, LookForFile, ReadQrPicture, path_in
from balchat_ui_tui.keymap import key_words
from balchat_ui_tui.main import update as main
from balchat_ui_tui.main.actions import AskForTimer, Search, SwitchUnread
from balchat_ui_tui.main.heads import chat_head
from balchat_ui_tui.main.state import MainState
from balchat_ui_tui.pages.actions import Opened, Pressed, Submitted, Typed
from balchat_ui_tui.palette import found
from balchat_ui_tui.people import add, contact, requests, verify
from balchat_ui_tui.search import state as search
from balchat_ui_tui.search.state import SearchState

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.errors import (
    NameTaken,
    PicturesMissing,
    SafetyNumberDiffers,
    SettingLocked,
    WeakPassphrase,
    WrongSecret,
)
from balchat_host.api.events import MessageChanged, MessageRemoved, RequestClosed, RequestReceived
from balchat_host.api.frontend import SettingView
from balchat_host.api.types import Phase as ServicePhase
from balchat_host.api.types import Secret, ServiceState
from balchat_host.api.views import (
    AlarmKind,
    ContactInfoView,
    FileState,
    FileView,
    RequestView,
    RouteView,
    SafetyNumberView,
    SearchHit,
    SearchPage,
)
from tests.support import views

T = Texts("en")
UP = AccountState(connection=Connection(phase=Phase.UP), capabilities=frozenset({"relays.list"}))
HOSTILE = "Eve\x1b[2J\u202e\nx"


def call_of(effects: Any) -> Call | ProfileCall:
    return next(each for each in effects if isinstance(each, Call | ProfileCall))


def answer_of(effects: Any, answer: object) -> Action:
    done = call_of(effects).done
    assert done is not None
    return done(answer)


def notice_of(effects: Any) -> str:
    return next(each.text for each in effects if isinstance(each, Notice))


def opened_of(effects: Any) -> OpenScreen:
    return next(each for each in effects if isinstance(each, OpenScreen))


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


# -- files


def file(**more: Any) -> FileView:
    known = FileView(
        id="f1",
        message="m",
        conversation="c",
        author="Bob",
        ours=False,
        name="a.png",
        content_type="image/png",
        size=1000,
        state=FileState.OFFERED,
        here=0,
    )
    return replace(known, **more)


def test_what_is_staged_is_handed_over_at_once_and_shown_with_what_was_taken_out() -> None:
    state = staging.StagingState(conversation="c")
    state, effects = staging.update(state, staging.PathTyped("/tmp/a.png"), T)
    assert isinstance(effects[0], AttachFile)
    assert T("files.preparing") in staging.line(state.staged[0], T)
    _, effects = staging.update(state, Pressed("send"), T)
    assert effects == (), "nothing is sent before all of it is there"
    ours = file(ours=True, metadata_removed=("location", "device"))
    state, _ = staging.update(state, staging.HandedOver(1, ours), T)
    assert "where it was taken, camera or phone" in staging.line(state.staged[0], T)
    state, effects = staging.update(state, Pressed("send"), T)
    assert call_of(effects).arguments == {"conversation": "c", "text": "", "files": ["f1"]}


def test_a_picture_that_cannot_be_cleaned_is_sent_as_it_is_only_where_somebody_says_so() -> None:
    state, _ = staging.update(staging.StagingState(conversation="c"), staging.PathTyped("/tmp/a.png"), T)
    state, _ = staging.update(state, staging.NotHandedOver(1, PicturesMissing()), T)
    _, effects = staging.update(state, Pressed("send"), T)
    assert effects == ()
    state, effects = staging.update(state, Pressed("as-is", "1"), T)
    assert isinstance(effects[0], AttachFile)
    assert effects[0].as_is


def test_enter_sends_what_is_staged_and_asks_for_nothing_twice() -> None:
    state, _ = staging.update(staging.StagingState(conversation="c"), staging.PathTyped("/tmp/a.png"), T)
    state, _ = staging.update(state, staging.HandedOver(1, file(ours=True)), T)
    state, effects = staging.update(state, Pressed("choose", "1"), T)
    assert call_of(effects).method == "messages.send"
    assert staging.update(state, Pressed("choose", "1"), T)[1] == ()


def test_a_small_picture_is_seen_before_the_whole_one_is_fetched() -> None:
    offered = file(state=FileState.OFFERED, content_type="image/png", preview=True)
    _, effects = listing.update(listing.FilesState(files=(offered,)), Pressed("view", "f1"), UP, T)
    assert opened_of(effects).arguments["preview"] is True
    _, [small] = picture.update(picture.PictureState(file="f1", name="a.png", preview=True), Opened(), T)
    assert isinstance(small, GetPicture)
    assert small.longest_side is None
    whole = replace(offered, state=FileState.COMPLETE)
    _, effects = listing.update(listing.FilesState(files=(whole,)), Pressed("view", "f1"), UP, T)
    assert "preview" not in opened_of(effects).arguments
    text = file(state=FileState.COMPLETE, content_type="text/plain")
    for other, said in ((text, "tui.no-viewer"), (file(state=FileState.OFFERED), "tui.file-not-here")):
        _, effects = listing.update(listing.FilesState(files=(other,)), Pressed("view", "f1"), UP, T)
        assert effects == (Notice(T(said)),)


def test_how_large_files_may_be_that_come_by_themselves_is_chosen_for_each_conversation() -> None:
    info = ContactInfoView(contact=views.contact("Bob"), devices=(), alarms=())
    state = contact.ContactPageState(peer_id="peer-Bob", info=info)
    account = replace(UP, conversations=(views.conversation("Bob", fetch_up_to=0),))
    _, effects = contact.update(state, Pressed("choose", "fetch"), account, T)
    asked = opened_of(effects)
    assert asked.arguments["chosen"] == "0", "what holds now is marked"
    _, effects = contact.update(state, asked.closed("1000000"), account, T)
    assert call_of(effects) == Call("files.set_automatic", {"conversation": "bob", "up_to": 1_000_000})


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


def test_what_is_taken_away_while_it_is_handed_over_does_not_stay_in_the_account() -> None:
    state, _ = staging.update(staging.StagingState(conversation="c"), staging.PathTyped("/tmp/a.png"), T)
    state, _ = staging.update(state, Pressed("away", "1"), T)
    state, effects = staging.update(state, staging.HandedOver(1, file(ours=True)), T)
    assert call_of(effects) == Call("files.remove", {"file": "f1"})
    assert state.staged == ()


def test_the_progress_of_a_file_has_its_pace_and_is_whole_only_once_the_other_side_says_so() -> None:
    state = listing.FilesState(files=(file(state=FileState.FETCHING),), now=0)
    state, _ = listing.update(state, Told(FileProgress(file="f1", here=0, there=0)), UP, T)
    progress = FileProgress(file="f1", here=500, there=0)
    state, _ = listing.update(replace(state, now=2000), Told(progress), UP, T)
    note = listing.rows(state, replace(UP, progress={"f1": progress}), T)[0].note
    assert "50 %" in note
    assert "250 B/s" in note
    assert "2 seconds left" in note
    paused = replace(state, files=(file(state=FileState.PAUSED),))
    assert "B/s" not in listing.rows(paused, replace(UP, progress={"f1": progress}), T)[0].note
    ours = file(ours=True, state=FileState.COMPLETE, here=1000, recipients=1)
    waits = listing.rows(replace(state, files=(ours,)), UP, T)[0].note
    assert waits == T("files.waits")


def test_a_file_of_ours_has_the_pace_at_which_the_other_side_confirms_it_and_says_what_keeps_it() -> None:
    ours = file(ours=True, state=FileState.COMPLETE, here=1000, recipients=1)
    state = listing.FilesState(files=(ours,), now=0)
    state, _ = listing.update(state, Told(FileProgress(file="f1", here=1000, there=0)), UP, T)
    progress = FileProgress(file="f1", here=1000, there=500)
    state, _ = listing.update(replace(state, now=2000), Told(progress), UP, T)
    note = listing.rows(state, replace(UP, progress={"f1": progress}), T)[0].note
    assert "50 %" in note
    assert "250 B/s" in note
    kept = replace(progress, hindered="own-relay-full")
    note = listing.rows(state, replace(UP, progress={"f1": kept}), T)[0].note
    assert "50 %" in note
    assert T("states.reason.own-relay-full") in note
    assert "B/s" not in note


def test_a_file_that_comes_or_lies_at_a_relay_says_so() -> None:
    def note(known: FileView, progress: FileProgress | None = None) -> str:
        account = replace(UP, progress={"f1": progress} if progress else {})
        told = listing.rows(listing.FilesState(files=(known,)), account, T)[0].note
        # The line below a message says the same.
        for word in ("by relay", "directly", "at your relay"):
            assert (word in words.file(T, known, progress)) == (word in told)
        return told

    coming = file(state=FileState.FETCHING, here=500, ways=("direct",))
    assert "relay" not in note(coming)
    assert T("files.by-relay") in note(coming, FileProgress(file="f1", here=500, there=0, ways=("relay",)))
    assert T("files.by-relay-and-directly") in note(replace(coming, ways=("direct", "relay")))
    ours = file(ours=True, state=FileState.COMPLETE, here=1000, recipients=1, at_relays=1000)
    assert note(ours) == f"{T('files.waits')} · {T('files.at-relay', size='1.0 kB')}"
    assert note(replace(ours, received_by=1)) == T("files.received")


def test_enter_on_a_file_does_what_is_next() -> None:
    for state, method in ((FileState.OFFERED, "files.fetch"), (FileState.FETCHING, "files.pause")):
        known = listing.FilesState(files=(file(state=state),))
        _, effects = listing.update(known, Pressed("choose", "f1"), UP, T)
        assert call_of(effects).method == method
    known = listing.FilesState(files=(file(state=FileState.COMPLETE),))
    _, effects = listing.update(known, Pressed("choose", "f1"), UP, T)
    assert opened_of(effects).name == "ask"


# -- the list


def test_a_conversation_is_marked_as_read_or_unread_in_the_list_without_being_opened() -> None:
    last = views.message(7)
    bob = views.conversation("Bob", unread=2, last_message=last)
    shown = MainState(list=ListState(selected=bob.id))
    state, effects = main.update(shown, SwitchUnread(), replace(UP, conversations=(bob,)), T)
    assert call_of(effects) == Call("conversations.mark_read", {"conversation": bob.id, "up_to": last.id})
    assert state.chat is None
    _, effects = main.update(shown, SwitchUnread(), replace(UP, conversations=(replace(bob, unread=0),)), T)
    assert call_of(effects) == Call("conversations.mark_unread", {"conversation": bob.id})


@pytest.mark.parametrize("kind", AlarmKind)
def test_only_a_serious_alarm_is_marked_in_the_list_and_in_the_chat(kind: AlarmKind) -> None:
    bob = views.conversation("Bob", contact=views.contact("Bob", alarm=kind))
    marked = presence(bob, UP).text == "!"
    head = "".join(piece.text for piece in chat_head(T, bob, UP, 80))
    assert marked is kind.is_serious
    assert (T("tui.alarm") in head) is kind.is_serious


# -- palette and keys


def test_the_palette_finds_by_a_few_letters_in_any_order_and_without_accents() -> None:
    spanish = Texts("es")
    names = [each.name for each in found("contrasena cambiar", UP, None, spanish)]
    assert names == ["account.passphrase"]
    offline = [each.name for each in found("", AccountState(), None, T)]
    assert offline == ["account.profiles", "help", "quit"], "what needs the account is not offered without it"


def test_the_palette_has_what_can_be_done_with_the_conversation_that_is_shown() -> None:
    bob = views.conversation("Bob", muted=True)
    account = replace(UP, conversations=(bob,), capabilities=frozenset({"conversations.set_timer"}))
    there = {each.name: each.effects for each in found("", account, bob.id, T)}
    assert there["search"] == (CloseScreen(Search()),)
    assert call_of(there["unmute"]) == Call("conversations.unmute", {"conversation": bob.id})
    assert call_of(there["mark-unread"]) == Call("conversations.mark_unread", {"conversation": bob.id})
    assert "account.relays" not in there, "nothing of this account uses relays"
    assert call_of(there["archive"]) == Call("conversations.archive", {"conversation": bob.id})
    shown = MainState(chat=ChatState(conversation=bob.id))
    ask = opened_of(main.update(shown, AskForTimer(), account, T)[1])
    assert ask.closed is not None
    _, timer = main.update(shown, ask.closed("3600"), account, T)
    assert call_of(timer) == Call("conversations.set_timer", {"conversation": bob.id, "seconds": 3600})


# -- search


def test_a_search_is_limited_to_when_and_by_whom_and_old_answers_are_dropped() -> None:
    state = SearchState(conversation="bob", everywhere=False, words="tea")
    state, first = search.update(state, search.Look())
    state, week = search.update(state, search.SwitchWritten(today=views.NOON))
    since = views.NOON - 7 * 86_400_000
    assert call_of(week).arguments["since"] == since
    state, mine = search.update(state, search.SwitchAuthor(("me", None)))
    assert (call_of(mine).arguments["author"], call_of(mine).arguments["since"]) == ("me", since)
    page = SearchPage(hits=[], resume_before="m1")
    assert search.update(state, answer_of(first, page))[0] == state
    assert search.update(state, answer_of(mine, page))[0].resume == "m1"
    everywhere, call = search.update(state, search.SwitchScope())
    assert "author" not in call_of(call).arguments, "who it was is one of this conversation"
    assert everywhere.written is search.Written.WEEK


def test_what_is_deleted_or_has_expired_is_no_longer_among_hits_and_files() -> None:
    one, two = views.message(1, "tea"), views.message(2, "tea")
    gone = MessageRemoved(cursor=1, at=0, id="m1", conversation="bob")
    deleted = replace(one, text=None, deleted=True, files=())
    changed = MessageChanged(cursor=1, at=0, message=deleted, changed=("deleted",))
    hits = tuple(SearchHit(message=each, title="Bob", excerpt="tea") for each in (one, two))
    files = (replace(file(), id="f1", message="m1"), replace(file(), id="f2", message="m2"))
    for event in (gone, changed):
        found, _ = search.update(SearchState(conversation="bob", everywhere=False, hits=hits, place=1), Heard(event))
        assert [each.message.id for each in found.hits] == ["m2"]
        assert found.place == 0
        listed, _ = listing.update(listing.FilesState(files=files), Heard(event), UP, T)
        assert [each.id for each in listed.files or ()] == ["f2"]
    edited = MessageChanged(cursor=1, at=0, message=replace(one, files=files[:1]), changed=("text",))
    assert len(listing.update(listing.FilesState(files=files), Heard(edited), UP, T)[0].files or ()) == 2


def test_keys_are_written_as_people_read_them() -> None:
    assert key_words("ctrl+k") == "Ctrl+K"
    assert key_words("alt+shift+down,f2") == "Alt+Shift+↓ F2"
    assert key_words("slash") == "/"
    assert key_words("A") == "A"


def test_every_page_reads_again_when_the_account_comes_back() -> None:
    back = ConnectionChanged(Connection(phase=Phase.UP))
    for action in (back, Opened()):
        assert call_of(requests.update(requests.RequestsState(), action, UP, T)[1]).method == "requests.list"
        assert call_of(listing.update(listing.FilesState(), action, UP, T)[1]).method == "files.list"
        assert call_of(settings.update(settings.SettingsState(), action, UP, T)[1]).method == "settings.list"
    assert requests.update(requests.RequestsState(), Opened(), AccountState(), T)[1] == ()
