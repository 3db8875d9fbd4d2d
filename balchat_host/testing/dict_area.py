"""A key-value area in a dictionary, for tests of whatever keeps its state in one."""

from collections.abc import Iterator, Mapping

from balchat_host.api.storage import KeyValueArea


class DictArea(KeyValueArea):
    """Copies the rows that it is given; `rows` has what became of them."""

    def __init__(self, rows: Mapping[bytes, bytes] | None = None) -> None:
        self.rows = dict(rows or {})

    def get(self, key: bytes) -> bytes | None:
        return self.rows.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        self.rows[key] = value

    def delete(self, key: bytes) -> None:
        self.rows.pop(key, None)

    def scan(self, prefix: bytes = b"", *, before: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        found = sorted((key, value) for key, value in self.rows.items() if key.startswith(prefix))
        yield from [(key, value) for key, value in found if before is None or key < before]
