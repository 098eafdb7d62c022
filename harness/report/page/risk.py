"""The page's gates with their reasons, and each risk factor with its facts."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.config.judge import FactorName
from harness.config.workload import Content
from harness.report.join import Table
from harness.report.naming import Kind, Use, called, kinds
from harness.report.rows import Row
from harness.report.verdicts import gate, reasons, uses


def gates(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """Per model and way of use the gate of each buyer."""
    names = called(tables[0].rows)
    return [
        {
            "model": names[use],
            "headquarters": rows[0].text("headquarters"),
            "gates": [gate(row) for row in rows],
        }
        for use, rows in uses(tables).items()
    ]


def why(tables: Sequence[Table]) -> list[dict[str, str]]:
    """Why each gate stands as it does, one line a reason; what is clear comes last."""
    return [
        {
            "models": ", ".join(each.models),
            "gate": f"{each.gate} for {_whom(each.buyers, tables)}",
            "text": each.text,
        }
        for each in reasons(tables)
    ]


def _whom(buyers: Sequence[str], tables: Sequence[Table]) -> str:
    return "every buyer" if len(buyers) == len(tables) else ", ".join(buyers)


def evidence(table: Table) -> list[dict[str, Any]]:
    """Per model and way of use its factors, once for the contents in which they are alike.

    Each block names the kinds that the live data numbers so.
    """
    numbers = {kind: number for number, kind in enumerate(kinds(table.rows))}
    judged = kinds(table.rows)
    names = called(table.rows)
    return [
        block
        for use, [row] in uses([table]).items()
        for block in _blocks(use, row, names[use], judged, numbers, table)
    ]


def _blocks(
    use: Use,
    row: Row,
    name: str,
    judged: Mapping[Kind, Row],
    numbers: Mapping[Kind, int],
    table: Table,
) -> list[dict[str, Any]]:
    own = [kind for kind in judged if kind.use == use]
    if not own:
        return [{"model": name, "kinds": "", "factors": [], "reason": row.text("risk_factors")}]
    alike: list[list[Kind]] = []
    for kind in own:
        for held in alike:
            if _found(judged[held[0]]) == _found(judged[kind]):
                held.append(kind)
                break
        else:
            alike.append([kind])
    return [
        {
            "model": name
            if len(alike) == 1
            else f"{name}, {', '.join(kind.content for kind in held)}",
            "kinds": " ".join(str(numbers[kind]) for kind in held),
            "factors": _factors(judged[held[0]], [kind.content for kind in held], table),
            "reason": "",
        }
        for held in alike
    ]


def _found(row: Row) -> object:
    return row.judged.assessment.factors if row.judged else None


def _factors(row: Row, contents: Sequence[Content], table: Table) -> list[dict[str, Any]]:
    """Factors of an assessed row with their reasons."""
    assert row.judged is not None  # evidence's
    risk = table.judge.risk
    weights = {content: risk.weights_for(content) for content in contents}
    return [
        {
            "name": f.name.replace("_", " "),
            "weight": _weight(f.name, weights),
            "low": f.low,
            "high": f.high,
            "reasons": f.reasons,
        }
        for f in row.judged.assessment.factors
    ]


def _weight(name: FactorName, weights: Mapping[Content, Mapping[FactorName, float]]) -> str:
    told = {content: f"{each[name]:.3g}" for content, each in weights.items()}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return ", ".join(f"{share} for {content}" for content, share in told.items())
