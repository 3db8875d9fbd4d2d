"""`Texts`: everything that a front end says in one language.

Parameters are put in once, and never read again as a text with parameters. Numbers are written as the language writes
them; a number that is a name, such as a process id, is given as a string. What strangers wrote must be harmless before
it comes here (`balchat_host.api.text`), but for errors and words of an account, which are made harmless here.
"""

import re
from typing import TYPE_CHECKING, Final

from balchat_texts.catalogue import SOURCE, catalogue
from balchat_texts.moments import MILLISECONDS, days_before, local
from balchat_texts.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

PARAMETER: Final = re.compile(r"\{([a-z_]+)\}")
"""A parameter in a text."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_SPANS: Final = ((604_800, "time.weeks"), (86_400, "time.days"), (_HOUR, "time.hours"), (_MINUTE, "time.minutes"))
_WEEK_DAYS: Final = 7
_THOUSAND: Final = 1000
_TEN: Final = 10
_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB")
_NAMES: Final = frozenset({"cursor", "oldest", "process", "version", "minimum", "found", "known"})
"""Fields of errors that are names even where they are numbers."""
_SIZES: Final = frozenset({"needed", "free"})
"""Fields of errors that are sizes in octets."""
_JOINERS: Final = frozenset("\u200c\u200d")
"""They join or part letters and emoji, and move or hide nothing."""


class Texts:
    """The texts of one language. `t("chat.delivered", count=2, of=3)` returns one of them."""

    def __init__(self, language: str = SOURCE) -> None:
        """Take the language's texts. Raise LookupError where there are none."""
        self.language = language
        self._texts = catalogue(language)
        self._rules = RULES[language]

    def __call__(self, key: str, /, **parameters: str | int) -> str:
        """Return a text with its parameters put in. Raise KeyError for a key or a parameter that is not there."""
        text = self._texts[key]
        if not isinstance(text, str):
            count = parameters["count"]
            assert isinstance(count, int), "a plural is chosen by a number"
            text = text[self._rules.plural(abs(count))]
        return PARAMETER.sub(lambda found: self._value(parameters[found[1]]), text)

    def __contains__(self, key: str) -> bool:
        """Return whether there is such a text."""
        return key in self._texts

    def error(self, error: Exception) -> str:
        """Return what an error says, by its `code` and its `fields` (`balchat_host.api.errors`).

        One that no text is known for, of a plugin for example, says it itself. What it names is made harmless.
        """
        key = f"errors.{getattr(error, 'code', '')}"
        if key not in self._texts:
            return _harmless(str(error))
        fields: Mapping[str, str | int] = getattr(error, "fields", {})
        shown = {name: self._field(name, value) for name, value in fields.items()}
        text = self._texts[key]
        assert isinstance(text, str), "an error has no plural"
        return PARAMETER.sub(lambda found: self._value(shown.get(found[1], f"({found[1]})")), text)

    def known(self, prefix: str, name: str) -> str:
        """Return the text `prefix.name`, or `name` itself where a newer account gives one that is not known here."""
        return self(f"{prefix}.{name}") if f"{prefix}.{name}" in self else _harmless(name)

    def number(self, number: int) -> str:
        """Return a whole number as the language writes it."""
        plain = f"{number:,}" if abs(number) >= self._rules.grouped_from else str(number)
        return plain.replace(",", self._rules.group)

    def size(self, octets: int) -> str:
        """Return a number of octets with a unit: `612 B`, `1.5 MB`."""
        size, unit = float(octets), 0
        while round(size) >= _THOUSAND and unit < len(_UNITS) - 1:
            size, unit = size / _THOUSAND, unit + 1
        digits = f"{size:.1f}" if unit and round(size, 1) < _TEN else f"{size:.0f}"
        return f"{digits.replace('.', self._rules.decimal)} {_UNITS[unit]}"

    def time(self, at: int) -> str:
        """Return the time of day: `14:05`. Times are Unix milliseconds, here and below, and shown as local ones."""
        moment = local(at)
        return f"{moment.hour:02}:{moment.minute:02}"

    def day(self, at: int, now: int) -> str:
        """Return a day as it stands between messages: `Today`, `Yesterday`, `Tuesday 3 March`, `3 March 2025`."""
        moment, today = local(at), local(now)
        before = days_before(moment, today)
        if before in (0, 1):
            return self("time.yesterday" if before else "time.today")
        if moment.year != today.year:
            return self._date("time.date-and-year", at, "month")
        return self("time.weekday-and-date", weekday=self._weekday(at), date=self._date("time.date", at, "month"))

    def relative(self, at: int, now: int) -> str:
        """Return a time as briefly as a list has it: `14:05`, `Yesterday`, `Tue`, `3 Mar`, `3 Mar 2025`."""
        moment, today = local(at), local(now)
        before = days_before(moment, today)
        if before == 0:
            return self.time(at)
        if before == 1:
            return self("time.yesterday")
        if 1 < before < _WEEK_DAYS:
            return self(f"time.weekday-short-{moment.isoweekday()}")
        same_year = moment.year == today.year
        return self._date("time.date-short" if same_year else "time.date-short-and-year", at, "month-short")

    def moment(self, at: int, now: int) -> str:
        """Return a day and a time: `Today, 14:05`, `3 March 2025, 14:05`."""
        return self("time.moment", day=self.day(at, now), time=self.time(at))

    def duration(self, milliseconds: int) -> str:
        """Return how long a recording is: `0:07`, `1:02:03`."""
        seconds = max(milliseconds, 0) // MILLISECONDS
        hours, minutes, seconds = seconds // _HOUR, seconds // _MINUTE % _MINUTE, seconds % _MINUTE
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

    def span(self, milliseconds: int) -> str:
        """Return a time span in the largest unit that it has two of, or just one: `90 seconds`, `1 hour`."""
        seconds = max(round(milliseconds / MILLISECONDS), 0)
        for unit, key in _SPANS:
            if seconds >= 2 * unit or seconds == unit:
                return self(key, count=round(seconds / unit))
        return self("time.seconds", count=seconds)

    def _date(self, key: str, at: int, month: str) -> str:
        moment = local(at)
        parameters = {"day": str(moment.day), "month": self(f"time.{month}-{moment.month}"), "year": str(moment.year)}
        return self(key, **parameters)

    def _weekday(self, at: int) -> str:
        return self(f"time.weekday-{local(at).isoweekday()}")

    def _field(self, name: str, value: str | int) -> str | int:
        if isinstance(value, int) and name in _SIZES:
            return self.size(value)
        if isinstance(value, int):
            return str(value) if name in _NAMES else value
        return _harmless(value)

    def _value(self, value: str | int) -> str:
        return value if isinstance(value, str) else self.number(value)


def _harmless(text: str) -> str:
    """Return a text without what moves, hides or turns round what stands beside it."""
    return "".join(each if each.isprintable() or each in _JOINERS else f"<U+{ord(each):04X}>" for each in text)
