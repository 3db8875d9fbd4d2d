"""A thief of the disk: every file that an account may write is searched, while it runs, after its end, after a kill."""

import base64
import hashlib
import io
import wave
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from PIL import ExifTags, Image

from balchat_host.api.types import PeerId
from tests.support.people import Person
from tests.support.telltales import tell_tale

pytestmark = pytest.mark.tor

MakePerson = Callable[..., Person]

TEXT = "the tulips bloom at the north gate at seven"
LEDGER = "the wolfram ledger lies under the third stair"
PLACE = "the boathouse behind the seventh lock"
FILE_NAME = "quarterly-wolfram.txt"
INTRODUCTION = "we met beside the astronomical clock"


def _photograph() -> bytes:
    octets = io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSAreaInformation] = PLACE
    Image.effect_mandelbrot((400, 300), (-2, -1, 1, 1), 60).convert("RGB").save(octets, "JPEG", exif=exif)
    return octets.getvalue()


def _spoken() -> bytes:
    octets = io.BytesIO()
    with wave.open(octets, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(48_000)
        made.writeframes(Random(1).randbytes(2 * 48_000))
    return octets.getvalue()


def test_no_file_tells_anything(onion_person: MakePerson, tmp_path: Path) -> None:
    # The names of homes are the test's; what people are called is not in them.
    alice, bob = onion_person("Person-a"), onion_person("Person-b")
    [ours] = alice.ask("code")
    [theirs] = bob.ask("code")
    alice.ask("contacts", "add", theirs["code"], "--name", "Balthazar-Quill", "--introduction", INTRODUCTION)
    bob.events.until(lambda event: event["type"] == "request.received")
    bob.ask("requests", "accept", "Person-a", "--name", "Seraphine-Moss")
    bob.send("Seraphine-Moss", TEXT, "--wait", "delivered")
    # What is sent, and where it is written, lies in no home.
    source, written = tmp_path / FILE_NAME, tmp_path / "written"
    source.write_text(f"{LEDGER}\n" * 20_000)
    written.mkdir()
    bob.send("Seraphine-Moss", "", "--file", str(source), "--wait", "delivered")
    [file] = alice.ask("files", "list", "Balthazar-Quill")
    [got] = alice.ask("files", "get", file["id"], "--to", str(written))
    assert Path(got["path"]).read_bytes() == source.read_bytes()
    photograph = tmp_path / "harbour.jpg"
    photograph.write_bytes(_photograph())
    bob.send("Seraphine-Moss", "", "--file", str(photograph), "--wait", "received")
    [file, _] = alice.ask("files", "list", "Balthazar-Quill")
    assert file["metadata_removed"] == []
    [got] = alice.ask("files", "get", file["id"], "--to", str(written))
    note = tmp_path / "note.wav"
    note.write_bytes(_spoken())
    bob.ask("voice", "Seraphine-Moss", "--from", str(note))
    alice.events.until(
        lambda event: (
            event["type"] == "message.added" and event["message"]["files"][:1] and event["message"]["files"][0]["voice"]
        )
    )
    [voice, _, _] = alice.ask("files", "list", "Balthazar-Quill")
    [heard] = alice.ask("files", "get", voice["id"], "--to", str(written))
    with alice.socket() as socket, bob.socket() as theirs_too:
        played = socket.octets("files.play", file=voice["id"])
        [_, sent, _] = bob.ask("files", "list", "Seraphine-Moss")
        assert "location" in sent["metadata_removed"]
        previews = [
            socket.octets("files.preview", file=file["id"]),
            theirs_too.octets("files.preview", file=sent["id"]),
        ]
        shown = socket.octets("files.picture", file=file["id"], longest_side=64)
    pictures = [photograph.read_bytes(), Path(got["path"]).read_bytes(), shown, *previews]
    secrets: dict[str, str | bytes] = {
        # Octets from the middle of each: what stands at its beginning, others have, too.
        **{f"picture {number}": octets[len(octets) // 2 :][:24] for number, octets in enumerate(pictures)},
        "a voice": note.read_bytes()[50_000:][:24],
        "a voice as it is sent": Path(heard["path"]).read_bytes()[2000:][:24],
        "a voice as it is played": played[50_000:][:24],
        "a place": PLACE,
        "a text": TEXT,
        "what a file says": LEDGER,
        "what a file is called": FILE_NAME,
        "an introduction": INTRODUCTION,
        "a contact's name": "Balthazar-Quill",
        "another contact's name": "Seraphine-Moss",
        "a passphrase": alice.passphrase,
        "the other passphrase": bob.passphrase,
        "our address": ours["onion"].removesuffix(".onion"),
        "their address": theirs["onion"].removesuffix(".onion"),
        "our key": bytes.fromhex(ours["peer_id"]),
        "their key": bytes.fromhex(theirs["peer_id"]),
    }
    homes = [alice.home, bob.home]
    assert [tell_tale(home, secrets) for home in homes] == [[], []], "while they run"
    alice.down()
    bob.kill()
    assert tell_tale(alice.home, secrets) == [], "after a clean end"
    assert tell_tale(bob.home, secrets) == [], "after SIGKILL"


def test_the_search_itself_finds_what_lies_open(tmp_path: Path) -> None:
    key = hashlib.sha256(b"key").digest()
    (tmp_path / "notes").write_text(f"see {PeerId(key).onion}")
    (tmp_path / "key").write_bytes(b"\0\0" + base64.b64encode(key))
    (tmp_path / "plain").write_bytes(TEXT.encode("utf-16-le"))
    secrets: dict[str, str | bytes] = {"address": PeerId(key).onion, "key": key, "text": TEXT}
    assert sorted(tell_tale(tmp_path, secrets)) == ["address in notes", "key in key", "text in plain"]
