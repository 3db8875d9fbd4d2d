"""Draws what pages show of the code, between marks: a vault's tables, the machine of first contact, planted faults.

Run it after a change of either; a test holds the pages to it.
"""

import ast
import inspect
import re
import sqlite3
import sys
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from balchat_host.core.first_contact.machine import TABLE, Input, Phase, shown
from balchat_host.core.schema import STEPS

_DOCS = Path(__file__).parents[1] / "docs"


def data_model() -> str:
    """Return the tables of a vault, with their columns and references, as a Mermaid diagram."""
    database = sqlite3.connect(":memory:")
    try:
        for step in STEPS:
            database.executescript(step)
        return "\n".join(["```mermaid", "erDiagram", *_tables(database), "```"])
    finally:
        database.close()


def _tables(database: sqlite3.Connection) -> list[str]:
    names = [
        name
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite%'"
            " AND name IN (SELECT name FROM pragma_table_list WHERE type = 'table')"  # not those of the search index
            " ORDER BY rowid"
        )
    ]
    references, tables = [], []
    for name in names:
        keys = {row[3]: (row[2], row[6]) for row in database.execute(f"PRAGMA foreign_key_list({name})")}
        for column, (parent, on_delete) in sorted(keys.items()):
            end = "goes with it" if on_delete == "CASCADE" else "names it"
            references.append(f'    {parent} ||--o{{ {name} : "{column}: {end}"')
        tables.append(f"    {name} {{")
        for _, column, kind, not_null, _, primary in database.execute(f"PRAGMA table_info({name})"):
            marks = ["PK"] * bool(primary) + ["FK"] * (column in keys)
            note = "" if not_null or primary else ' "or NULL"'
            tables.append(f"        {kind} {column}{' ' + ', '.join(marks) if marks else ''}{note}")
        tables.append("    }")
    return [*references, *tables]


def _meanings(members: type[StrEnum]) -> dict[StrEnum, str]:
    """Return what stands below each member of an enumeration in its source."""
    body = ast.parse(inspect.getsource(members)).body[0].body
    return {
        members[member.targets[0].id]: meaning.value.value.removesuffix(".")
        for member, meaning in pairwise(body)
        if isinstance(member, ast.Assign)
    }


def first_contact() -> str:
    """Return the machine of first contact: what phases and inputs mean, a Mermaid diagram, and the table that it is."""
    lines = ["| phase | what it means | shown to people as |", "| --- | --- | --- |"]
    for phase, meaning in _meanings(Phase).items():
        lines.append(f"| {phase} | {meaning} | {'–' if phase is Phase.NEW else shown(phase).value} |")
    lines += ["", "| input | what happened |", "| --- | --- |"]
    lines += [f"| {what} | {meaning} |" for what, meaning in _meanings(Input).items()]
    lines += ["", "```mermaid", "stateDiagram-v2"]
    lines += [f'    state "{phase}" as {phase.name}' for phase in Phase]
    for phase, steps in TABLE.items():
        ends: dict[Phase, list[str]] = {}
        for what, step in steps.items():
            if step.to is not phase:
                ends.setdefault(step.to, []).append(what)
        lines += [f"    {phase.name} --> {to.name}: {', '.join(inputs)}" for to, inputs in ends.items()]
    lines += ["```", "", "| phase | input | leads to | what is done | if |", "| --- | --- | --- | --- | --- |"]
    for phase, steps in TABLE.items():
        for what, step in steps.items():
            lines.append(f"| {phase} | {what} | {step.to} | {'; '.join(step.actions) or '–'} | {step.when or '–'} |")
    return "\n".join(lines)


def planted_faults() -> str:
    """Return the faults that are planted in plugins, and which test of the kit catches each."""
    from tests.kits import (  # noqa: PLC0415  # the other pages need no tests
        app_faults,
        blob_faults,
        bulk_faults,
        crypto_faults,
        drop_faults,
        file_faults,
        front_end_faults,
        line_faults,
        network_faults,
        power_faults,
        storage_faults,
        store_faults,
    )

    lines: list[str] = []
    for kit, kind, planted in (
        ("transport", "transport", line_faults.FAULTS),
        ("transport", "transport with bulk streams", bulk_faults.FAULTS),
        ("transport", "transport that stores and forwards", drop_faults.FAULTS),
        ("transport", "transport that keeps parts of files", blob_faults.FAULTS),
        ("network", "network", network_faults.FAULTS),
        ("front end", "front end", front_end_faults.FAULTS),
        ("App", "way to an account", app_faults.FAULTS),
        ("App", "way to two accounts that reach each other", app_faults.PAIR_FAULTS),
        ("App", "way to an account with relays", app_faults.RELAY_FAULTS),
        ("App", "way to an account without relays", app_faults.DIRECT_FAULTS),
        ("storage", "storage", storage_faults.FAULTS),
        ("storage", "storage with files", file_faults.FAULTS),
        ("crypto", "crypto engine", crypto_faults.FAULTS),
        ("relay store", "relay store", [*store_faults.FAULTS, *power_faults.FAULTS]),
    ):
        title = f"### A {kind}" if f"## The {kit} kit" in lines else f"## The {kit} kit"
        lines += [title, "", f"| a {kind} that … | is caught by |", "| --- | --- |"]
        for fault in planted:
            does = str(inspect.getdoc(fault)).removesuffix(".")
            audit = ", by the audit" if fault.audited else ""
            lines.append(f"| {does[0].lower()}{does[1:]} | `{fault.caught_by}`{audit} |")
        lines.append("")
    return "\n".join(lines)


PAGES = {
    _DOCS / "data-model.md": data_model,
    _DOCS / "spec" / "first-contact.md": first_contact,
    _DOCS / "plugin-author" / "kits.md": planted_faults,
}
"""Which page has which drawing."""


def with_drawing(page: str, drawing: str) -> str:
    """Return a page with a drawing between its marks."""
    marks = re.compile("(<!-- drawn -->\n).*?(<!-- end -->)", re.DOTALL)
    return marks.sub(lambda found: f"{found[1]}{drawing}\n{found[2]}", page)


if __name__ == "__main__":
    sys.path.insert(0, str(_DOCS.parent))
    for path, draw in PAGES.items():
        path.write_text(with_drawing(path.read_text(), draw()))
