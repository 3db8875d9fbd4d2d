"""The threat model has the table of what others may cost as the code has it."""

from pathlib import Path

from balchat_host.core.envelope import Kind
from balchat_host.core.envelope_budgets import BUDGETS, UNPROVEN_PER_HOUR, Budget
from balchat_host.core.unit_of_work import Policy

PAGE = (Path(__file__).parents[2] / "docs" / "threat-model.md").read_text()
SECTION = PAGE.partition("## What others may cost you\n")[2].partition("\n## ")[0]


def row(budget: Budget) -> str:
    rates = (
        "not counted" if rate is None else f"{rate:,}" for rate in (budget.strangers_per_hour, budget.contact_per_hour)
    )
    cells = [budget.kind.name, f"{budget.largest:,}", *rates, str(budget.stranger_ms), str(budget.contact_ms)]
    return f"| {' | '.join(cells)} |"


def test_the_threat_model_has_each_budget() -> None:
    rows = [line for line in SECTION.splitlines() if line.startswith("| ") and not line.startswith("| kind")]
    assert rows == [row(BUDGETS[kind]) for kind in Kind]
    assert f"{UNPROVEN_PER_HOUR} an hour are looked into" in SECTION


def test_the_limit_of_strangers_is_the_budget_s_unless_it_is_set() -> None:
    counted = {each.strangers_per_hour for each in BUDGETS.values()} - {None}
    assert counted == {Policy().strangers_per_hour}
