"""Who leads, and how often once what is uncertain is drawn: the page's first answer."""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import elicited, rank, resilience
from harness.config.judge import RiskConfig
from harness.config.workload import Content
from harness.report import naming, ranked
from harness.report.join import Table
from harness.report.rows import Figure, Row, barred, basis
from harness.risk.factors import Factor

Draws = npt.NDArray[np.float64]
MOST_DRAWS = 2000
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Leader:
    """The cheapest of one workload for one buyer, with the risk of withdrawal."""

    row: Row
    usd: float  # risk-adjusted USD per million tokens, at the middle of every interval
    share: float  # of the draws in which its model is the cheapest
    name: str  # of the model, told apart from others of that name


@dataclass(frozen=True)
class Contest:
    """What is ranked together: one workload, counted alike, for one buyer."""

    workload: str
    basis: str  # the column of the bill
    models: int  # with a cell here
    leader: Leader | None  # None: nothing that may be ranked
    shares: list[tuple[str, float]]  # of the draws that each model leads, most often first


def stability(table: Table) -> list[tuple[Content, list[tuple[str, float]]]]:
    """Per content: share of weightings in which each model has the lowest risk score, most first.

    Weights from the Dirichlet of the risk configuration, seeded and round the buyer's own as the
    content cuts them; factors at the middle of their intervals. Only models with a cell that may
    be ranked, and only contents with two of them.
    """
    called = naming.called(table.rows)
    models: dict[Content, dict[str, Sequence[Factor]]] = {}
    for row in table.rows:
        if row.judged and not barred(row):
            of = models.setdefault(naming.content_of(row), {})
            of.setdefault(called[naming.use_of(row)], row.judged.assessment.factors)
    return [
        (content, _least(of, table.judge.risk, content))
        for content, of in models.items()
        if len(of) > 1
    ]


def _least(
    models: Mapping[str, Sequence[Factor]], risk: RiskConfig, content: Content
) -> list[tuple[str, float]]:
    cut = risk.weights_for(content)
    names = list(cut)
    rng = np.random.default_rng(risk.seed)
    stated = np.array([cut[name] for name in names])
    weights = rng.dirichlet(stated * risk.dirichlet_concentration, MOST_DRAWS)
    scores = []
    for factors in models.values():
        middle = {f.name: (f.low + f.high) / 2 for f in factors}
        scores.append(weights @ np.array([middle[name] for name in names]))
    return _sorted(models, rank.stays_least(scores))


def contests(table: Table) -> list[Contest]:
    """Each workload's leader, and how often each model leads it.

    Drawn are each machine's price (once a machine, so that all on it move together), each bill's
    interval (normal; a point without one) and each model's hazard; the rest stays at its middle.
    One cell a model: its cheapest at the middle.
    """
    by_folder = {row.folder: row for row in table.rows}
    best: dict[tuple[str, str], dict[str, tuple[float, Row]]] = {}
    models: dict[tuple[str, str], set[str]] = {}
    called = naming.called(table.rows)
    for row in table.rows:
        group, name = ranked.contest(row), called[naming.use_of(row)]
        models.setdefault(group, set()).add(name)
        held = best.setdefault(group, {})
        usd = None if barred(row) else row.figure("ranked_usd_per_mtok").value
        if usd is not None and (name not in held or usd < held[name][0]):
            held[name] = usd, row
    drawn = _Drawn(table, by_folder)
    return [
        _contest(group, len(models[group]), held, drawn.adjusted) for group, held in best.items()
    ]


def _contest(
    group: tuple[str, str],
    models: int,
    held: Mapping[str, tuple[float, Row]],
    adjusted: Callable[[Row], Draws],
) -> Contest:
    if not held:
        return Contest(*group, models, None, [])
    shares = rank.stays_least([adjusted(row) for _, row in held.values()])
    share = dict(zip(held, shares, strict=True))
    first = min(held, key=lambda name: held[name][0])
    leader = Leader(held[first][1], held[first][0], share[first], first)
    return Contest(*group, models, leader, _sorted(list(held), shares))


class _Drawn:
    """Draws of costs; the same draw of a machine's price, a bill or a hazard wherever it enters."""

    def __init__(self, table: Table, by_folder: Mapping[Path, Row]) -> None:
        self._buyer, self._by_folder = table.judge.buyer, by_folder
        self._seed = table.judge.risk.seed
        self._n = min(table.judge.risk.draws, MOST_DRAWS)
        self._bills: dict[Path, Draws] = {}

    def adjusted(self, row: Row) -> Draws:
        """Of the risk-adjusted cost of a cell that has one."""
        own, leave = self._bill(row), ranked.leave(row, self._by_folder)
        if leave is None or row.hazard is None or row.move is None:
            return own
        price = self._price(row)
        return np.asarray(
            resilience.expected_usd_per_mtok(
                own,
                self._bill(self._by_folder[row.move.fallback]),
                self._buyer.mtok_per_year,
                leave.unpriced_usd + leave.measured_usd * price,
                self._some(row.hazard.rate),
                self._buyer.horizon_years,
                self._buyer.discount_rate_per_year,
                leave.quality_usd_per_year,
                [(when, self._some(chance)) for when, chance in row.hazard.jumps],
            ),
            dtype=np.float64,
        )

    def _bill(self, row: Row) -> Draws:
        if row.folder not in self._bills:
            figure = row.figure(basis(row))
            assert figure.value is not None  # the caller's
            own = np.full(self._n, figure.value)
            if figure.low is not None and figure.high is not None:
                spread = (figure.high - figure.low) / (2 * _Z95)
                rng = self._rng(row.cell.cell_id)
                own = np.maximum(rng.normal(figure.value, spread, self._n), figure.value * 1e-3)
            self._bills[row.folder] = own * self._price(row)
        return self._bills[row.folder]

    def _price(self, row: Row) -> Draws:
        """Of its machine's price over the middle one: lognormal through the low and high price."""
        low, high = _price_range(row.figure(basis(row)))
        return elicited.amounts(low, high, self._rng(ranked.machine(row)), self._n)

    def _some(self, draws: Draws) -> Draws:
        """The first draws: those of one place belong to one shock that may hit several models."""
        return np.resize(draws, self._n)

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, zlib.crc32(name.encode())])


def _price_range(figure: Figure) -> tuple[float, float]:
    low, high = figure.at_low_price, figure.at_high_price
    if not figure.value or low is None or high is None:
        return 1.0, 1.0
    return low / figure.value, high / figure.value


def _sorted(
    names: Sequence[str] | Mapping[str, object], shares: Sequence[float]
) -> list[tuple[str, float]]:
    return sorted(zip(names, shares, strict=True), key=lambda pair: -pair[1])
