"""Two sweeps, or one sweep judged in two ways: what changed, and what each cause does to it."""

import math
from collections import Counter, defaultdict

from harness.fields import Frozen
from harness.report.compare import changed
from harness.report.compare.beside import Beside, beside
from harness.report.compare.changed import Change
from harness.report.compare.mixtures import FACTS, Mixtures, Side
from harness.report.compare.movements import RANKED, Movements, Pair
from harness.report.compare.pairing import Unmatched, match
from harness.report.join import Table
from harness.report.rows import Row
from harness.risk.load import load_registry

_SHOWN_CHANGES = 12
_SHOWN_ROWS = 40


class Comparison(Frozen):
    """A against B."""

    a: str
    b: str
    causes: tuple[str, ...]  # that differ, in the order in which they are named
    changed: tuple[Change, ...]  # for all models: prices, facts, settings, buyer
    pairs: tuple[Pair, ...]
    beside: tuple[Beside, ...]  # measured against imported
    unmatched: tuple[Unmatched, ...]

    def lines(self) -> list[str]:
        """As a terminal shows it."""
        lines = [f"A  {self.a}", f"B  {self.b}"]
        if not self.changed and not self.pairs and not self.beside:
            lines.append("nothing to compare")
        shown = self.changed[:_SHOWN_CHANGES]
        lines += [f"  {each.line()}" for each in shown]
        more = len(self.changed) - len(shown)
        lines += [f"  and {more} more (--json has all)"] if more else []
        if len(self.causes) > 1:
            lines.append(
                f"parts: {', '.join(self.causes)}; each is the mean over all orders of changing"
                " them one by one (Shapley), and the parts sum to the whole"
            )
        lines += self._ranks()
        told = [pair for pair in self.pairs if not _is_quiet(pair)]
        for pair in told[:_SHOWN_ROWS]:
            lines += ["", *pair.lines()]
        if len(told) > _SHOWN_ROWS:
            lines += ["", f"and {len(told) - _SHOWN_ROWS} more rows (--json has all)"]
        if len(told) < len(self.pairs):
            lines += ["", self._quiet(len(self.pairs) - len(told))]
        for each in self.beside[:_SHOWN_ROWS]:
            lines += ["", *each.lines()]
        if len(self.beside) > _SHOWN_ROWS:
            more = len(self.beside) - _SHOWN_ROWS
            lines += ["", f"and {more} more beside each other (--json has all)"]
        return lines + self._alone()

    def _quiet(self, count: int) -> str:
        """The rows in which nothing at all is another, by model."""
        models = Counter(pair.model for pair in self.pairs if _is_quiet(pair))
        rows = [f"{model} ({n})" if n > 1 else model for model, n in models.items()]
        more = len(rows) - _SHOWN_CHANGES
        named = rows[:_SHOWN_CHANGES] + ([f"{more} models more"] if more > 0 else [])
        return f"nothing changed in {count} of {len(self.pairs)} rows: {', '.join(named)}"

    def _alone(self) -> list[str]:
        """Rows without a counterpart, those of one model and reason in one line."""
        groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for each in self.unmatched:
            groups[each.side, each.model, each.why].append(each.cell_id)
        lines = [
            f"  {side}  {model}, {cells[0] if len(cells) == 1 else f'{len(cells)} rows'}: {why}"
            for (side, model, why), cells in groups.items()
        ]
        more = len(lines) - _SHOWN_ROWS
        head = ["", "without a counterpart:"] if lines else []
        tail = [f"  and {more} lines more (--json has all)"] if more > 0 else []
        return head + lines[:_SHOWN_ROWS] + tail

    def _ranks(self) -> list[str]:
        """Who moved, before the details; the furthest first."""
        lines, rows = [], Counter(pair.model for pair in self.pairs)
        for key, (title, _) in RANKED.items():
            here = [(pair, each) for pair in self.pairs for each in pair.moved if each.key == key]
            went = [(pair, each) for pair, each in here if each.before != each.after]
            if not here:
                continue
            went.sort(key=lambda each: -abs(each[1].change or math.inf))
            named = [
                f"{_row(pair, rows)} {_place(each.before)} -> {_place(each.after)}"
                for pair, each in went[:_SHOWN_CHANGES]
            ]
            more = len(went) - len(named)
            if more:
                named.append(f"{more} more")
            lines.append(f"{title}: {', '.join(named) or f'none of {len(here)} moved'}")
        return lines


def _is_quiet(pair: Pair) -> bool:
    return not pair.changed and all(each.verdict == "unchanged" for each in pair.moved)


def _row(pair: Pair, rows: Counter[str]) -> str:
    return pair.model if rows[pair.model] == 1 else f"{pair.model} ({pair.about})"


def _place(rank: float | None) -> str:
    return "none" if rank is None else f"{rank:g}"


def compare(a: Side, b: Side) -> Comparison:
    """Judge both sides, and every mixture of the two that the causes need.

    Raises FactError for a sweep without records and for a machine without a price.
    """
    mixtures = Mixtures(a, b)
    first, last = mixtures.table(frozenset()), mixtures.table(frozenset(mixtures.causes))
    imported = _imported(first) != _imported(last)
    if imported:
        found, left = beside(first.rows, last.rows)
        pairs: list[tuple[Row, Row]] = []
    else:
        found = []
        pairs, left = match(first.rows, last.rows)
    hardware = {row.cell.config["hardware"]["name"] for row in (*first.rows, *last.rows)}
    overall = changed.of_judging(a.judge, b.judge, sorted(hardware))
    if FACTS in mixtures.causes:
        registry = load_registry(b.judge.risk.registry_dirs)
        overall += changed.of_facts(registry, a.judge, b.judge, (first.day, last.day))
    movements = Movements(mixtures, pairs)
    return Comparison(
        a=_described(a, first),
        b=_described(b, last),
        causes=tuple(mixtures.causes),
        changed=tuple(overall),
        pairs=tuple(movements.pair(row, other) for row, other in pairs),
        beside=tuple(found),
        unmatched=tuple(left),
    )


def _described(side: Side, table: Table) -> str:
    judge = side.judge
    return (
        f"{side.sweep}, pricing {judge.pricing.name}, facts as of {table.day},"
        f" buyer {judge.buyer.profile}"
    )


def _imported(table: Table) -> bool:
    """Whether most of a table was measured by other tools."""
    return 2 * sum(row.cell.imported is not None for row in table.rows) > len(table.rows)
