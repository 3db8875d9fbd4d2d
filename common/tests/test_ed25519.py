"""Points of small order, found by the arithmetic of RFC 8032, section 5.1."""

from balchat_common.ed25519 import is_of_small_order
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def spelt(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


def is_on_the_curve(y: int) -> bool:
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return pow(square, (P - 1) // 2, P) in {0, 1}


def doubled(y: int) -> int:
    """Return y of 2Q, by x² of Q alone."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    return (y * y + square) * pow(1 - D * square * y * y, -1, P) % P


def eightfold(y: int) -> int:
    return doubled(doubled(doubled(y % P)))


def test_every_point_of_small_order_is_known_in_each_spelling() -> None:
    fourth = pow(2, (P - 1) // 4, P)
    # y of order 8: Q doubled has y = 0, where x² = -y².
    roots = {y for y in _candidates(fourth) if is_on_the_curve(y) and eightfold(y) == 1}
    assert len(roots) == 2
    known = {0, 1, P - 1, P, P + 1, *roots}
    assert {eightfold(y) for y in known} == {1}
    assert all(is_of_small_order(spelt(y, sign)) for y in known for sign in (0, 1))


def test_other_spellings_that_are_not_reduced_are_of_large_order() -> None:
    for y in range(P + 2, 2**255):
        assert not is_on_the_curve(y % P) or eightfold(y) != 1


def test_keys_of_people_are_none() -> None:
    for seed in range(100):
        key = Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)).public_key().public_bytes_raw()
        assert not is_of_small_order(key)


def _candidates(fourth: int) -> set[int]:
    # x² = -y² gives -d·y⁴ - 2y² + 1 = 0 by the curve's equation, so y² = (-1 ± √(1 + d)) / d.
    root = _square_root(1 + D, fourth)
    squares = [(-1 + sign * root) * pow(D, -1, P) % P for sign in (1, -1)]
    return {sign * y % P for square in squares for sign in (1, -1) if (y := _root_or_none(square, fourth)) is not None}


def _square_root(value: int, fourth: int) -> int:
    found = _root_or_none(value % P, fourth)
    assert found is not None
    return found


def _root_or_none(value: int, fourth: int) -> int | None:
    root = pow(value, (P + 3) // 8, P)
    for candidate in (root, root * fourth % P):
        if candidate * candidate % P == value:
            return candidate
    return None
