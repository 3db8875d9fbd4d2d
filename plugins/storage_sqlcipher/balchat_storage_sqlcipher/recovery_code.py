"""The recovery code: 135 bits of chance that a person can write down and type (docs/spec/vault.md, section 4).

Crockford's base 32 with its check symbol, in seven groups of four.
"""

from secrets import randbelow
from typing import Final

from balchat_host.api.errors import BadInput

_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK_DIGITS: Final = _DIGITS + "*~$=U"
_LENGTH: Final = 28
_GROUP: Final = 4
_READ_AS: Final = str.maketrans("OIL", "011", "-\N{EN DASH}\N{NON-BREAKING HYPHEN} \t\r\n\N{NO-BREAK SPACE}")


def new() -> str:
    """Make one, such as `7ZQ4-…-M0RD`."""
    number = randbelow(32 ** (_LENGTH - 1))
    digits = "".join(_DIGITS[number >> 5 * place & 31] for place in reversed(range(_LENGTH - 1)))
    code = digits + _check(digits)
    return "-".join(code[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def read(text: str) -> str:
    """Return the 27 digits of a typed code, in their one spelling. Raise BadInput, which says what is wrong with it."""
    code = text.upper().translate(_READ_AS)
    for index, symbol in enumerate(code[:_LENGTH]):
        if symbol not in (_CHECK_DIGITS if index == _LENGTH - 1 else _DIGITS):
            raise _bad(f"group {index // _GROUP + 1} has a character that does not occur there")
    if len(code) != _LENGTH:
        raise _bad(f"it has {len(code)} characters, and needs {_LENGTH}")
    digits = code[:-1]
    if _check(digits) != code[-1]:
        raise _bad("a character is mistyped, or two have changed places")
    return digits


def _check(digits: str) -> str:
    number = 0
    for digit in digits:
        number = number * 32 + _DIGITS.index(digit)
    return _CHECK_DIGITS[number % len(_CHECK_DIGITS)]


def _bad(problem: str) -> BadInput:
    return BadInput(what="recovery code", problem=problem)
