"""What front ends say: parameters, plurals, numbers, times."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from balchat_texts import Texts, catalogue, choose_language, languages


@pytest.fixture(autouse=True)
def in_madrid(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Madrid")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(name="en")
def english():
    return Texts("en")


@pytest.fixture(name="es")
def spanish():
    return Texts("es")


def at(*when):
    """Return a time in Madrid as Unix milliseconds."""
    return int(datetime(*when).astimezone().timestamp() * 1000)  # the clock of this test is Madrid's


NOW = (2026, 11, 27, 18, 30)  # a Friday


def test_there_is_english_first_and_spanish():
    assert languages() == ("en", "es")


def test_a_text_that_does_not_exist_is_a_fault_of_the_program(en):
    with pytest.raises(KeyError):
        en("common.nonsense")
    with pytest.raises(KeyError):
        en("time.days")
    with pytest.raises(LookupError):
        Texts("xx")


def test_a_parameter_is_put_in_once_and_never_read_as_a_text(en):
    assert en("time.moment", day="{time}", time="{day} %s {0}") == "{time}, {day} %s {0}"


@pytest.mark.parametrize(
    ("language", "count", "text"),
    [
        ("en", 0, "0 days"),
        ("en", 1, "1 day"),
        ("en", 2, "2 days"),
        ("en", 1_234_567, "1,234,567 days"),
        ("es", 0, "0 días"),
        ("es", 1, "1 día"),
        ("es", 1234, "1234 días"),
        ("es", 12_345, "12.345 días"),
        ("es", 2_000_000, "2.000.000 de días"),
    ],
)
def test_plurals_and_numbers_are_those_of_the_language(language, count, text):
    assert Texts(language)("time.days", count=count) == text


@pytest.mark.parametrize(
    ("octets", "english", "spanish"),
    [
        (0, "0 B", "0 B"),
        (999, "999 B", "999 B"),
        (1500, "1.5 kB", "1,5 kB"),
        (9_960, "10 kB", "10 kB"),
        (999_999, "1.0 MB", "1,0 MB"),
        (1_073_741_824, "1.1 GB", "1,1 GB"),
        (2**63, "9223 PB", "9223 PB"),
    ],
)
def test_sizes(en, es, octets, english, spanish):
    assert (en.size(octets), es.size(octets)) == (english, spanish)


@pytest.mark.parametrize(
    ("when", "english", "spanish"),
    [
        ((2026, 11, 27, 0, 0), "Today", "Hoy"),
        ((2026, 11, 26, 23, 59), "Yesterday", "Ayer"),
        ((2026, 11, 24, 9, 0), "Tuesday 24 November", "Martes, 24 de noviembre"),
        ((2025, 3, 3, 9, 0), "3 March 2025", "3 de marzo de 2025"),
        ((2026, 11, 29, 9, 0), "Sunday 29 November", "Domingo, 29 de noviembre"),
    ],
)
def test_days_between_messages(en, es, when, english, spanish):
    assert (en.day(at(*when), at(*NOW)), es.day(at(*when), at(*NOW))) == (english, spanish)


@pytest.mark.parametrize(
    ("when", "english", "spanish"),
    [
        ((2026, 11, 27, 9, 5), "09:05", "09:05"),
        ((2026, 11, 26, 9, 5), "Yesterday", "Ayer"),
        ((2026, 11, 24, 9, 5), "Tue", "mar"),
        ((2026, 11, 20, 9, 5), "20 Nov", "20 nov"),
        ((2025, 3, 3, 9, 5), "3 Mar 2025", "3 mar 2025"),
        ((2026, 11, 29, 9, 5), "29 Nov", "29 nov"),
    ],
)
def test_times_in_a_list(en, es, when, english, spanish):
    assert (en.relative(at(*when), at(*NOW)), es.relative(at(*when), at(*NOW))) == (english, spanish)


def test_a_moment_has_day_and_time(en, es):
    assert en.moment(at(*NOW), at(*NOW)) == "Today, 18:30"
    assert es.moment(at(2025, 3, 3, 9, 5), at(*NOW)) == "3 de marzo de 2025, 09:05"


@pytest.mark.parametrize("lie", [-1, -(2**63), 2**63, 253_402_300_800_000])
def test_a_time_that_no_calendar_has_breaks_nothing(en, lie):
    assert en.moment(lie, at(*NOW))
    assert en.relative(lie, at(*NOW))


def test_days_are_those_of_the_clock_here_also_where_one_has_25_hours(en):
    night = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30, the first of two
    later = night + timedelta(hours=1)
    times = [int(moment.timestamp() * 1000) for moment in (night, later)]
    assert [en.time(moment) for moment in times] == ["02:30", "02:30"]
    assert en.day(times[0], times[1]) == "Today"


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "0:00"), (7_999, "0:07"), (65_000, "1:05"), (3_723_000, "1:02:03"), (-5, "0:00")]
)
def test_durations_of_recordings(en, milliseconds, text):
    assert en.duration(milliseconds) == text


@pytest.mark.parametrize(
    ("seconds", "english", "spanish"),
    [
        (1, "1 second", "1 segundo"),
        (90, "90 seconds", "90 segundos"),
        (3600, "1 hour", "1 hora"),
        (5400, "90 minutes", "90 minutos"),
        (86_400, "1 day", "1 día"),
        (604_800, "1 week", "1 semana"),
        (10 * 86_400, "10 days", "10 días"),
    ],
)
def test_time_spans(en, es, seconds, english, spanish):
    assert (en.span(seconds * 1000), es.span(seconds * 1000)) == (english, spanish)


def test_what_a_newer_account_says_is_shown_as_it_is(es):
    assert es.known("states.reason", "relay-full") == "Su repetidor está lleno."
    assert es.known("states.reason", "of-tomorrow") == "of-tomorrow"


@pytest.mark.parametrize(
    ("setting", "environ", "language"),
    [
        ("es", {"LANG": "en_GB.UTF-8"}, "es"),
        ("auto", {"LANG": "es_AR.UTF-8"}, "es"),
        ("auto", {"LANG": "es_ES.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ("auto", {"LANG": "fr_FR.UTF-8"}, "en"),
        ("auto", {"LANG": "es"}, "es"),
        ("auto", {"LC_ALL": "", "LC_MESSAGES": "es_MX"}, "es"),
        ("auto", {}, "en"),
    ],
)
def test_the_language_is_the_one_that_is_set_or_that_of_the_locale(setting, environ, language):
    assert choose_language(setting, environ) == language


def test_nobody_can_change_the_texts_of_another(en):
    assert catalogue("en") is catalogue("en")
    with pytest.raises(TypeError):
        catalogue("en")["common.ok"] = "no"
