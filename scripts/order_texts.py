"""Write the files of the catalogue of texts in their one form: keys sorted, a text on a line. `--check` only looks."""

import json
import sys
from pathlib import Path
from typing import Any, Final

TEXTS: Final = Path(__file__).parents[1] / "texts" / "balchat_texts"


def ordered(texts: dict[str, Any]) -> str:
    """Return an area's file as it is to be."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(text, ensure_ascii=False, sort_keys=True)}"
        for name, text in sorted(texts.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _not_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"written twice: {', '.join(sorted(twice))}")
    return dict(pairs)


def main() -> int:
    """Order every file; return 1 where one was not ordered and `--check` is given."""
    wrong: list[Path] = []
    for file in sorted(TEXTS.glob("*/*.json")):
        before = file.read_text(encoding="utf-8")
        try:
            after = ordered(json.loads(before, object_pairs_hook=_not_twice))
        except ValueError as error:
            sys.exit(f"{file}: {error}")
        if before != after:
            wrong.append(file)
            if "--check" not in sys.argv:
                file.write_text(after, encoding="utf-8")
    for file in wrong:
        print(f"{file.relative_to(TEXTS)} {'is not' if '--check' in sys.argv else 'is now'} in order")
    return 1 if wrong and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
