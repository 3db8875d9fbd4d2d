"""What people may react with: one emoji, however many characters it is made of."""

import pytest

from balchat_host.core.emoji import is_emoji, key


@pytest.mark.parametrize(
    "text",
    [
        "👍",
        "👍🏽",
        "❤",
        "❤️",
        "♥",
        "👩🏽‍⚕️",
        "👩🏽‍❤️‍💋‍👨🏿",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "1️⃣",
        "🏳️‍🌈",
    ],
)
def test_one_emoji_is_one(text: str) -> None:
    assert is_emoji(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a",
        "1",
        "👍👍",
        "👍 ",
        "hi👍",
        "é",
        "e\u0301",
        "👍\u0301",
        "\u200d",
        "\ufe0f",
        "🇩",
        "👍" + "\u200d👍" * 20,
        "\ud800",
    ],
)
def test_what_is_more_or_less_is_none(text: str) -> None:
    assert not is_emoji(text)


def test_a_picture_and_a_sign_are_the_same_emoji() -> None:
    assert key("❤️") == key("❤") != key("💙")
