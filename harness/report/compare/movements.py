"""What moved between two rows of one model, parted by cause and held against the noise."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from harness.fields import Frozen
from harness.report.columns import BY_KEY
from harness.report.compare import changed
from harness.report.compare.causes import Part, parts
from harness.report.compare.changed import Change
from harness.report.compare.mixtures import RECORDS, Mixtures
from harness.report.ranked import contest
from harness.report.rows import Figure, Row, barred
from harness.stats import Estimate, difference

_LEAST_SHARE = 5e-4  # of a figure; less reads as 0.0%
_OTHERS = "it rests on other rows of the sweep, which changed"
Verdict = Literal["unchanged", "inside the noise", "beyond the noise", "exact", "not tested"]
FIGURES = (
    "output_tok_per_s", "ttft_p50_s", "ttft_p99_s", "itl_p50_s", "itl_p99_s",
    "energy_j_per_output_tok", "accuracy_en", "accuracy_maths", "accuracy_zh",
    "bill_usd_per_mtok_total", "bill_usd_per_mtok_output", "split_usd_per_mtok_input",
    "split_usd_per_mtok_output", "cost_usd_per_1000_tasks", "cost_usd_per_correct", "risk_score",
    "withdrawal_hazard_per_year", "break_even_hazard_per_year", "switch_cost_usd",
    "risk_adjusted_usd_per_mtok_total", "risk_adjusted_usd_per_mtok_output", "ranked_usd_per_mtok",
)  # fmt: skip
RANKED = {
    "rank_cost": ("Rank by whole bill, 1 is the cheapest", "bill_usd_per_mtok_total"),
    "rank_cost_output": (
        "Rank by the bill on output alone, 1 is the cheapest",
        "bill_usd_per_mtok_output",
    ),
    "rank_risk": ("Rank by risk score, 1 is the safest", "risk_score"),
    "rank_risk_adjusted": (
        "Rank by cost with the risk of withdrawal, 1 is the cheapest",
        "ranked_usd_per_mtok",
    ),
}


class Moved(Frozen):
    """One figure, or rank, on both sides."""

    key: str
    title: str
    unit: str
    before: float | None
    after: float | None
    missing: str | None  # why there is none on a side
    change: float | None
    parts: tuple[Part, ...] | None  # None: on some way from A to B the figure is missing
    alone: tuple[str, ...] = ()  # causes that alone make a figure appear or vanish
    verdict: Verdict
    why: str  # of the verdict

    def line(self) -> str:
        """As a terminal shows it."""
        if self.missing is not None or self.before is None or self.after is None:
            sides = (
                "no figure" if value is None else f"{value:.5g}"
                for value in (self.before, self.after)
            )
            alone = f"; with {' or '.join(self.alone)} alone" if self.alone else ""
            return f"{self.title}: {' -> '.join(sides)}; {self.missing}{alone}"
        unit = f" {self.unit}" if self.unit and " " not in self.unit else ""
        of = self._change / abs(self.before) if self.before and self.unit else 0.0
        share = f" ({of:+.1%})" if abs(of) >= _LEAST_SHARE else ""
        text = f"{self.title}: {self.before:.5g} -> {self.after:.5g}{unit}"
        text += f", {self._change:+.4g}{share}"
        if self.parts is None:
            text += "; causes not parted: on some way from A to B there is no figure"
        elif self.parts:
            text += f"; by cause: {', '.join(map(_part, self.parts))}"
        return f"{text}; {self.verdict}{f', {self.why}' if self.why else ''}"

    @property
    def _change(self) -> float:
        return self.change or 0.0


def _part(part: Part) -> str:
    text = f"{part.cause} {part.value:+.4g}"
    apart = abs(part.most - part.least) > 1e-9 * max(abs(part.most), abs(part.least), 1e-9)
    return text + (f" ({part.least:+.4g} to {part.most:+.4g} by order)" if apart else "")


class Pair(Frozen):
    """One model's row on both sides."""

    model: str
    cell_a: str
    cell_b: str
    evidence_a: str
    evidence_b: str
    about: str  # load and machine of B
    changed: tuple[Change, ...]
    moved: tuple[Moved, ...]

    def lines(self) -> list[str]:
        """As a terminal shows it: what moved in full, the rest by name."""
        cells = self.cell_a if self.cell_a == self.cell_b else f"{self.cell_a} -> {self.cell_b}"
        lines = [f"{self.model}, {self.about}: {cells}"]
        lines += [f"  {each.line()}" for each in self.changed]
        lines += [f"  {each.line()}" for each in self.moved if each.verdict != "unchanged"]
        same = [each.title for each in self.moved if each.verdict == "unchanged"]
        return lines + ([f"  unchanged: {', '.join(same)}"] if same else [])


class Movements:
    """Figures and ranks of the pairs over all mixtures."""

    def __init__(self, mixtures: Mixtures, pairs: Sequence[tuple[Row, Row]]) -> None:
        self.mixtures = mixtures
        self._pairs = [(row.folder, other.folder) for row, other in pairs]
        self._rows: dict[frozenset[str], dict[Path, Row]] = {}
        self._ranks: dict[tuple[frozenset[str], str], dict[Path, int]] = {}

    def pair(self, a: Row, b: Row) -> Pair:
        """One pair with all that moved."""
        records = changed.of_records(a.cell, b.cell)
        name = changed.named(records)
        keys = [key for key in FIGURES if _either(a.figure(key), b.figure(key))]
        moved = [self._figure(key, a, b, name, bool(records)) for key in keys]
        ranks = [self._rank(key, a, b, name, bool(records)) for key in RANKED]
        moved += [each for each in ranks if each.before is not None or each.after is not None]
        return Pair(
            model=a.text("model"),
            cell_a=a.cell.cell_id,
            cell_b=b.cell.cell_id,
            evidence_a=a.text("evidence"),
            evidence_b=b.text("evidence"),
            about=f"{b.text('workload')}, {b.text('level')} on {b.text('hardware')}",
            changed=(*records, *self._risk(a, b, name)),
            moved=tuple(moved),
        )

    def _risk(self, a: Row, b: Row, name: str) -> list[Change]:
        """Gate, fallback and factors; of the gate also which cause moves it alone."""
        found = changed.of_risk(a, b)
        alone = [
            name if cause == RECORDS else cause
            for cause in self.mixtures.causes
            if self._row(frozenset({cause}), a, b).text("gate") == b.text("gate")
        ]
        said = f"with {' or '.join(alone)} alone" if alone else "only with several causes together"
        return [
            each.model_copy(update={"source": said}) if each.what == "gate" else each
            for each in found
        ]

    def _figure(self, key: str, a: Row, b: Row, name: str, rerun: bool) -> Moved:
        column, before, after = BY_KEY[key], a.figure(key), b.figure(key)
        return self._moved(
            key,
            column.title,
            column.unit,
            (before.value, after.value),
            before.reason or after.reason,
            lambda causes: self._row(causes, a, b).figure(key).value,
            name,
            self._noise(key, a, b, rerun),
        )

    def _rank(self, key: str, a: Row, b: Row, name: str, rerun: bool) -> Moved:
        title, column = RANKED[key]
        causes = frozenset(self.mixtures.causes)

        def value(chosen: frozenset[str]) -> float | None:
            return self._ranked(chosen, column).get(self._row(chosen, a, b).folder)

        before, after = value(frozenset()), value(causes)
        reason = _unranked(a, column) or _unranked(b, column)
        verdict: tuple[Verdict, str] = ("exact", "") if before != after else ("unchanged", "")
        if before != after and before and after and rerun and not BY_KEY[column].judged:
            told, why = self._noise(column, a, b, rerun)
            verdict = ("not tested", f"its figure is {told}{f', {why}' if why else ''}")
        by_records = not rerun and RECORDS in causes and before != after and before and after
        if by_records and value(frozenset({RECORDS})) != before:
            verdict = "not tested", _OTHERS
        return self._moved(key, title, "", (before, after), reason, value, name, verdict)

    def _noise(self, key: str, a: Row, b: Row, rerun: bool) -> tuple[Verdict, str]:
        """Whether a difference may be noise: what the records alone do, since prices have none."""
        before, after = a.figure(key), b.figure(key)
        if before.value is None or before.value == after.value or not rerun:
            if before.value is not None and self._by_others(key, a, b, rerun):
                return "not tested", _OTHERS
            return _verdict(before, after, BY_KEY[key].judged, rerun)
        others = len(self.mixtures.causes) > 1
        measured = self._row(frozenset({RECORDS}), a, b).figure(key) if others else after
        if measured.value == before.value:
            return "exact", "the records give the same"
        verdict, why = _verdict(before, measured, BY_KEY[key].judged, rerun)
        return verdict, f"for the records alone: {why}" if others and why else why

    def _by_others(self, key: str, a: Row, b: Row, rerun: bool) -> bool:
        """Whether a figure moved with the records although the row's own is the same."""
        if rerun or RECORDS not in self.mixtures.causes:
            return False
        alone = self._row(frozenset({RECORDS}), a, b).figure(key).value
        return alone != a.figure(key).value

    def _moved(
        self,
        key: str,
        title: str,
        unit: str,
        ends: tuple[float | None, float | None],
        reason: str | None,
        value: Callable[[frozenset[str]], float | None],
        name: str,
        verdict: tuple[Verdict, str],
    ) -> Moved:
        before, after = ends
        both = before is not None and after is not None
        causes = self.mixtures.causes
        alone = [
            name if cause == RECORDS else cause
            for cause in causes
            if (before is None) != (after is None)
            and (value(frozenset({cause})) is None) == (after is None)
        ]
        found = parts(causes, value) if both and before != after else ()
        if found:
            kept = [part for part in found if part.value or part.least or part.most]
            found = tuple(
                part.model_copy(update={"cause": name}) if part.cause == RECORDS else part
                for part in kept
            )
        return Moved(
            key=key,
            title=title,
            unit=unit,
            before=before,
            after=after,
            missing=None if both else reason,
            change=after - before if before is not None and after is not None else None,
            parts=found,
            alone=tuple(alone),
            verdict=verdict[0],
            why=verdict[1],
        )

    def _row(self, causes: frozenset[str], a: Row, b: Row) -> Row:
        if causes not in self._rows:
            table = self.mixtures.table(causes)
            self._rows[causes] = {row.folder: row for row in table.rows}
        return self._rows[causes][(b if RECORDS in causes else a).folder]

    def _ranked(self, causes: frozenset[str], column: str) -> dict[Path, int]:
        """Ranks among the paired rows of one machine and workload; equal ones share the better.

        Rows that are not done, that the gate bars, or that lack the figure have no rank.
        """
        if (causes, column) not in self._ranks:
            place = 1 if RECORDS in causes else 0
            ours = {pair[place] for pair in self._pairs}
            groups: dict[tuple[str, ...], list[tuple[float, Path]]] = defaultdict(list)
            for row in self.mixtures.table(causes).rows:
                value = row.figure(column).value
                if row.folder in ours and value is not None and not barred(row):
                    group = row.text("hardware"), *contest(row)
                    groups[group].append((value, row.folder))
            ranks: dict[Path, int] = {}
            for rivals in groups.values():
                values = sorted(value for value, _ in rivals)
                ranks |= {folder: 1 + bisect_left(values, value) for value, folder in rivals}
            self._ranks[causes, column] = ranks
        return self._ranks[causes, column]


def _unranked(row: Row, column: str) -> str | None:
    """Why a row has no rank; None: it has one."""
    figure = row.figure(column)
    return figure.reason if figure.value is None else barred(row) or None


def _either(a: Figure, b: Figure) -> bool:
    return a.value is not None or b.value is not None


def _verdict(a: Figure, b: Figure, judged: bool, rerun: bool) -> tuple[Verdict, str]:
    """Whether a difference may be noise of the measurement."""
    if a.value is None or b.value is None:
        return ("unchanged" if a.value is b.value else "not tested"), ""
    if a.value == b.value:
        return "unchanged", ""
    if not rerun:
        return "exact", "both sides judge the same measurement"
    if judged:
        return "not tested", "its interval holds weights and unknown facts, not a measurement's"
    if None in (a.low, a.high, b.low, b.high):
        return "not tested", "no interval published"
    apart = difference(_estimate(a, a.value), _estimate(b, b.value))
    assert apart.low is not None
    assert apart.high is not None
    inside = apart.low <= 0 <= apart.high
    why = f"difference [{apart.low:+.4g}, {apart.high:+.4g}]"
    return ("inside the noise" if inside else "beyond the noise"), why


def _estimate(figure: Figure, value: float) -> Estimate:
    return Estimate(value=value, n=figure.n or 1, low=figure.low, high=figure.high)
