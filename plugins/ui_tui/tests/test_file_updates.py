"""The states of files: what is staged, seen, fetched and sent, and what is said of how far it is."""

from __future__ import annotations

from dataclasses import replace

from balchat_texts import Texts
from balchat_ui_tui.actions import Told
from balchat_ui_tui.chat import words
from balchat_ui_tui.effects import Call, Notice
from balchat_ui_tui.files import listing, picture, staging
from balchat_ui_tui.files.jobs import AttachFile, GetPicture
from balchat_ui_tui.pages.actions import Opened, Pressed
from balchat_ui_tui.people import contact

from balchat_host.api.ephemeral import FileProgress
from balchat_host.api.errors import (
    PicturesMissing,
)
from balchat_host.api.views import (
    ContactInfoView,
    FileState,
    FileView,
)
from tests.support import views
from tests.support.tui_effects import UP, call_of, opened_of

T = Texts("en")


def test_what_is_staged_is_handed_over_at_once_and_shown_with_what_was_taken_out() -> None:
    state = staging.StagingState(conversation="c")
    state, effects = staging.update(state, staging.PathTyped("/tmp/a.png"), T)
    assert isinstance(effects[0], AttachFile)
    assert T("files.preparing") in staging.line(state.staged[0], T)
    _, effects = staging.update(state, Pressed("send"), T)
    assert effects == (), "nothing is sent before all of it is there"
    ours = views.file(ours=True, metadata_removed=("location", "device"))
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
    state, _ = staging.update(state, staging.HandedOver(1, views.file(ours=True)), T)
    state, effects = staging.update(state, Pressed("choose", "1"), T)
    assert call_of(effects).method == "messages.send"
    assert staging.update(state, Pressed("choose", "1"), T)[1] == ()


def test_a_small_picture_is_seen_before_the_whole_one_is_fetched() -> None:
    offered = views.file(state=FileState.OFFERED, content_type="image/png", preview=True)
    _, effects = listing.update(listing.FilesState(files=(offered,)), Pressed("view", "f1"), UP, T)
    assert opened_of(effects).arguments["preview"] is True
    _, [small] = picture.update(picture.PictureState(file="f1", name="a.png", preview=True), Opened(), T)
    assert isinstance(small, GetPicture)
    assert small.longest_side is None
    whole = replace(offered, state=FileState.COMPLETE)
    _, effects = listing.update(listing.FilesState(files=(whole,)), Pressed("view", "f1"), UP, T)
    assert "preview" not in opened_of(effects).arguments
    text = views.file(state=FileState.COMPLETE, content_type="text/plain")
    for other, said in ((text, "tui.no-viewer"), (views.file(state=FileState.OFFERED), "tui.file-not-here")):
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


def test_what_is_taken_away_while_it_is_handed_over_does_not_stay_in_the_account() -> None:
    state, _ = staging.update(staging.StagingState(conversation="c"), staging.PathTyped("/tmp/a.png"), T)
    state, _ = staging.update(state, Pressed("away", "1"), T)
    state, effects = staging.update(state, staging.HandedOver(1, views.file(ours=True)), T)
    assert call_of(effects) == Call("files.remove", {"file": "f1"})
    assert state.staged == ()


def test_the_progress_of_a_file_has_its_pace_and_is_whole_only_once_the_other_side_says_so() -> None:
    state = listing.FilesState(files=(views.file(state=FileState.FETCHING),), now=0)
    state, _ = listing.update(state, Told(FileProgress(file="f1", here=0, there=0)), UP, T)
    progress = FileProgress(file="f1", here=500, there=0)
    state, _ = listing.update(replace(state, now=2000), Told(progress), UP, T)
    note = listing.rows(state, replace(UP, progress={"f1": progress}), T)[0].note
    assert "50 %" in note
    assert "250 B/s" in note
    assert "2 seconds left" in note
    paused = replace(state, files=(views.file(state=FileState.PAUSED),))
    assert "B/s" not in listing.rows(paused, replace(UP, progress={"f1": progress}), T)[0].note
    ours = views.file(ours=True, state=FileState.COMPLETE, here=1000, recipients=1)
    waits = listing.rows(replace(state, files=(ours,)), UP, T)[0].note
    assert waits == T("files.waits")


def test_a_file_of_ours_has_the_pace_at_which_the_other_side_confirms_it_and_says_what_keeps_it() -> None:
    ours = views.file(ours=True, state=FileState.COMPLETE, here=1000, recipients=1)
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

    coming = views.file(state=FileState.FETCHING, here=500, ways=("direct",))
    assert "relay" not in note(coming)
    assert T("files.by-relay") in note(coming, FileProgress(file="f1", here=500, there=0, ways=("relay",)))
    assert T("files.by-relay-and-directly") in note(replace(coming, ways=("direct", "relay")))
    ours = views.file(ours=True, state=FileState.COMPLETE, here=1000, recipients=1, at_relays=1000)
    assert note(ours) == f"{T('files.waits')} · {T('files.at-relay', size='1.0 kB')}"
    assert note(replace(ours, received_by=1)) == T("files.received")


def test_enter_on_a_file_does_what_is_next() -> None:
    for state, method in ((FileState.OFFERED, "files.fetch"), (FileState.FETCHING, "files.pause")):
        known = listing.FilesState(files=(views.file(state=state),))
        _, effects = listing.update(known, Pressed("choose", "f1"), UP, T)
        assert call_of(effects).method == method
    known = listing.FilesState(files=(views.file(state=FileState.COMPLETE),))
    _, effects = listing.update(known, Pressed("choose", "f1"), UP, T)
    assert opened_of(effects).name == "ask"
