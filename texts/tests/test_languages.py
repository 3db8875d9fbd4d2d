"""Every language says the same things, in files that people can read and compare."""

import json
import re
from pathlib import Path

import balchat_texts
import pytest
from balchat_texts import catalogue, languages
from balchat_texts.rules import RULES
from balchat_texts.texts import PARAMETER

FOLDER = Path(balchat_texts.__file__).parent
OTHERS = [code for code in languages() if code != "en"]
FILES = sorted(FOLDER.glob("*/*.json"))
SAME_IN_SPANISH = re.compile(r"[^\w]*|(\{[a-z_]+\}|[\W\d_])*|No|Chat|Error|.*https?:.*")
"""What is written in English and Spanish alike."""


def forms(text):
    """Return a text's plural forms by their category, or its one form."""
    return {"": text} if isinstance(text, str) else dict(text)


def parameters(text):
    return {name for form in forms(text).values() for name in PARAMETER.findall(form)}


def every_form():
    return [
        pytest.param(form, id=f"{language}-{key}")
        for language in languages()
        for key, text in catalogue(language).items()
        for form in forms(text).values()
    ]


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_what_english_says_and_no_more(language):
    assert set(catalogue(language)) ^ set(catalogue("en")) == set()


@pytest.mark.parametrize("language", OTHERS)
def test_a_text_has_the_same_parameters_in_each_language(language):
    different = {
        key: (parameters(text), parameters(catalogue("en")[key]))
        for key, text in catalogue(language).items()
        if parameters(text) != parameters(catalogue("en")[key])
    }
    assert different == {}


@pytest.mark.parametrize("language", languages())
def test_a_plural_has_a_text_for_each_category_of_its_language(language):
    plurals = {key: text for key, text in catalogue(language).items() if not isinstance(text, str)}
    wrong = [key for key, text in plurals.items() if set(text) != set(RULES[language].categories)]
    assert wrong == []
    assert {key for key, text in plurals.items() if not any("{count}" in form for form in text.values())} == set()
    assert set(plurals) == {key for key, text in catalogue("en").items() if not isinstance(text, str)}


def test_no_text_is_empty_or_has_spaces_at_its_ends_or_is_half_a_sentence():
    for language in languages():
        for key, text in catalogue(language).items():
            for form in forms(text).values():
                assert form, key
                assert form == form.strip(), key
                assert "  " not in form, key
                assert not re.search(r"[{}]", PARAMETER.sub("", form)), key
                assert "..." not in form, f"{key}: write … as one character"
                assert not re.search(r" [.,;!?]", form), key


def test_spanish_is_spanish():
    strange = []
    for key, text in catalogue("es").items():
        english = forms(catalogue("en")[key])
        for form in forms(text).values():
            if form in english.values() and not SAME_IN_SPANISH.fullmatch(form) and key not in ALIKE:
                strange.append((key, "as in English", form))
            if form.count("?") != form.count("¿") or form.count("!") != form.count("¡"):
                strange.append((key, "a question or a call begins with ¿ or ¡", form))
            if re.search(r"\b(usted|ustedes|su contraseña|sus contactos)\b", form, re.IGNORECASE):
                strange.append((key, "people are called tú", form))
            if re.search(r'"(?!direct-only|balchat-host|[ .:,]|$)', form):
                strange.append((key, "quotation marks are « »", form))
    assert strange == []


ALIKE = {
    "network.of.network_tor",
    "errors.bad-input",
    "files.pace",
    "network.round-trip",
    "settings.choice.settings.ui-web.language.en",
    "settings.choice.settings.ui-web.language.es",
    "settings.version",
    "time.date-short",
    "time.date-short-and-year",
    "time.moment",
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_file_is_in_order_so_that_two_languages_can_be_compared(file):
    names = json.loads(file.read_text("utf-8"), object_pairs_hook=lambda pairs: [name for name, _ in pairs])
    if names and isinstance(names[0], list):
        names = [name for name, _ in names]
    assert names == sorted(set(names)), "python scripts/order_texts.py mends it"
    assert len(file.read_text("utf-8").splitlines()) == len(names) + 2, "each text has a line"
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)*(_[a-z0-9]+)*", name) for name in names)


def test_each_language_has_the_same_areas():
    areas = {language: {file.stem for file in (FOLDER / language).glob("*.json")} for language in languages()}
    assert areas["es"] == areas["en"]
