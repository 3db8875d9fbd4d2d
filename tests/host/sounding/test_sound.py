"""Sound of this machine: recorded and played by a process that may write what it likes to its own standard error."""

import math
from array import array
from itertools import pairwise

import pytest

from balchat_host.api.errors import SoundFailed, VoiceMissing
from balchat_host.api.sound import RATE, Loudspeaker, Microphone, Recording, pieces
from balchat_host.sounding.stretching import Stretcher
from tests.support.sound_devices import SoundDevices

SECOND = RATE * 2


@pytest.fixture
def devices(tmp_path, monkeypatch):
    return SoundDevices(tmp_path / "devices", monkeypatch)


def tone(seconds, rate=16_000, hertz=440):
    samples = (int(12_000 * math.sin(2 * math.pi * hertz * each / rate)) for each in range(int(seconds * rate)))
    return array("h", samples).tobytes()


def pitch(sound, rate=16_000):
    samples = array("h", sound)
    rising = sum(1 for before, after in pairwise(samples) if before < 0 <= after)
    return rising * rate / len(samples)


def test_a_recording_warns_before_its_limit_and_loses_nothing_at_it():
    recording = Recording()
    warned = 0
    for _ in range(310):
        recording.take(bytes(SECOND))
        warned += recording.ends_soon and not recording.full
    assert warned == 30
    assert recording.full
    assert len(recording.sound) == 300 * SECOND


def test_how_loud_it_is_goes_from_nothing_to_the_loudest_sample():
    recording = Recording()
    levels = []
    for loudest in (0, 16_384, 32_767, -32_768):
        recording.take(array("h", [0, loudest, 0]).tobytes())
        levels.append(recording.level)
    assert levels == [0, 127, 255, 255]


def test_what_the_microphone_hears_is_recorded(devices, capfd):
    heard = tone(0.35, RATE)
    devices.hears(heard)
    with Microphone() as microphone:
        got = b"".join(microphone.read() for _ in range(4))
        with pytest.raises(SoundFailed, match="gone"):
            microphone.read()
    assert got == heard
    assert capfd.readouterr() == ("", ""), "the terminal has a screen on it"


def test_a_sound_is_played_to_its_end_from_where_one_wants(devices):
    sound = tone(1, 16_000)
    with Loudspeaker(16_000) as loudspeaker:
        for each in pieces(sound, 16_000, 0.5):
            loudspeaker.write(each)
        loudspeaker.finish()
    assert devices.rate == 16_000
    assert devices.played == sound[len(sound) // 2 :]


def test_twice_as_fast_is_half_as_long_and_no_higher():
    stretcher = Stretcher(16_000, 2.0)
    played = b"".join(map(stretcher.take, pieces(tone(2), 16_000))) + stretcher.finish()
    assert len(played) / len(tone(1)) == pytest.approx(1, abs=0.1)
    assert pitch(played) == pytest.approx(440, rel=0.02)


def test_it_says_whether_libraries_or_a_device_are_missing(devices):
    devices.breaks()
    with pytest.raises(SoundFailed, match="there is no device for it"), Microphone():
        pass
    devices.is_missing()
    with pytest.raises(VoiceMissing), Loudspeaker(RATE):
        pass
