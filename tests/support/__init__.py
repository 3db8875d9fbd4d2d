"""What several folders of tests share, and nobody else needs: import it as `tests.support.…`."""
