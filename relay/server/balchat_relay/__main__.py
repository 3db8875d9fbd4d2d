"""`python -m balchat_relay`, and what the installed program calls."""

from balchat_relay.program import app


def main() -> None:
    """Run the program."""
    app()


if __name__ == "__main__":
    main()
