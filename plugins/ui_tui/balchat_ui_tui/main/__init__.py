"""The screen that one lives in: conversations at the left, one of them at the right."""
