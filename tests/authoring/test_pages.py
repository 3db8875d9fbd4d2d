"""The page of each kind of plugin ends with what its reader sees: what it has them type does that."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from balchat_host.api.frontend import PluginKind
from balchat_host.api.network import Network
from balchat_host.api.storage import Storage, Vault
from balchat_host.authoring.checking import check_plugin
from balchat_host.authoring.scaffold import new_plugin
from balchat_host.loader.plugin_uses import USES
from balchat_host.loader.registration import HOOKS

PAGES = Path(__file__).parents[2] / "docs" / "plugin-author"
KINDS = ("transport", "network", "storage", "crypto", "relay-store")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_page_of_a_kind_has_people_type_shows_what_it_says(kind: str, tmp_path: Path) -> None:
    (block,) = re.findall(
        r"^```\n(\$ balchat plugins new.*?)^```$", (PAGES / f"{kind}.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert re.findall(r"^\$ balchat plugins (.*)$", block, re.MULTILINE) == [
        f"new {kind} pigeon",
        f"check ./balchat-{kind}-pigeon",
    ]
    folder = new_plugin(PluginKind(kind), "pigeon", tmp_path)
    # The kit itself runs in another test.
    (test,) = (folder / "tests").glob("test_*.py")
    kits = " ".join(re.findall(r"\w+_kit", test.read_text()))
    test.write_text(f"# {kits}\ndef test_nothing(): pass\n")
    found = list(check_plugin(str(folder), program="ui_cli", overrides={}))
    assert [check.problem for check in found] == [None] * len(found), found

    def plain(line: str) -> str:
        line = line.partition(" (")[0] if line.startswith("ok  run") else line
        return re.sub(r"\d.*\((with \w+).*", r"\1", line)

    shown = [plain(f"ok  {check.name}  {check.finding}") for check in found]
    assert [plain(line) for line in block.splitlines() if line.startswith("ok")] == shown


CONTRACTS = [("network", Network), ("storage", Storage), ("storage", Vault)]


@pytest.mark.parametrize(("kind", "contract"), CONTRACTS)
def test_every_method_of_a_contract_is_on_its_page(kind: str, contract: type) -> None:
    named = set(re.findall(r"\w+", (PAGES / f"{kind}.md").read_text()))
    public = {name for name in vars(contract) if not name.startswith("_")}
    assert public <= named


def test_the_page_about_security_has_every_kind_of_plugin() -> None:
    page = (PAGES / "security.md").read_text()
    kinds = {descriptor.kind for descriptor in HOOKS.values()}
    assert set(re.findall(r"^\| ([a-z ]+) \|", page, re.MULTILINE)) - {"kind"} == kinds
    assert set(USES) == set(HOOKS.values())
