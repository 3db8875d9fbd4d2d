"""The headers of every answer: what a browser may do with it, and that it keeps nothing."""

from collections.abc import Mapping
from typing import Final

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What the page may load and do. No text of others can become a script: nothing makes HTML of a string."""


def shell_policy(style_hash: str) -> str:
    """Return the policy of the shell, whose own style is allowed by its hash: the first paint waits for no request."""
    return POLICY.replace("style-src 'self'", f"style-src 'self' '{style_hash}'")


ALWAYS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For what has its hash in its path, and nothing of an account in it."""

WIPE: Final = {"Clear-Site-Data": '"cache", "storage"'}
"""Has a browser forget what it keeps of the page."""

DOWNLOAD: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Type": "application/octet-stream",
}
"""For a file of somebody's: it is kept, never shown."""
