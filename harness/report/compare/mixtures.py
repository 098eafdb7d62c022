"""Two sides of a comparison, and every mixture of them: some causes as in B, the others as in A."""

from dataclasses import dataclass
from pathlib import Path

from harness.config.judge import JudgeConfig
from harness.report.join import Records, Table, judge_rows, no_collection, priced_rows, records
from harness.report.rows import Row
from harness.risk.load import load_registry
from harness.risk.registry import Registry

RECORDS, PRICE, FACTS, RISK, BUYER = "records", "price", "facts", "risk settings", "buyer"
ORDER = (RECORDS, PRICE, FACTS, RISK, BUYER)


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    sweep: Path
    judge: JudgeConfig


class Mixtures:
    """A with some of its causes as in B, joined once each."""

    def __init__(self, a: Side, b: Side) -> None:
        self.a, self.b = a, b
        self.causes = [cause for cause in ORDER if self._differs(cause)]
        self._tables: dict[frozenset[str], Table] = {}
        # Five causes make 32 tables, of two sets of records, two of facts and two lists of prices.
        self._read: dict[Path, Records] = {}
        self._facts: dict[tuple[Path, ...], Registry] = {}
        self._priced: dict[tuple[bool, bool], list[Row]] = {}

    def table(self, changed_causes: frozenset[str]) -> Table:
        """The table with these causes as in B and the others as in A.

        Raises FactError for a sweep without records and for a machine without a price.
        """
        if changed_causes not in self._tables:
            with no_collection():
                self._tables[changed_causes] = self._joined(changed_causes)
        return self._tables[changed_causes]

    def _joined(self, causes: frozenset[str]) -> Table:
        sweep, judge = (self.b if RECORDS in causes else self.a).sweep, self._judge(causes)
        if sweep not in self._read:
            self._read[sweep] = records([sweep])
        folders = judge.risk.registry_dirs
        if folders not in self._facts:
            self._facts[folders] = load_registry(folders)
        of = RECORDS in causes, PRICE in causes
        if of not in self._priced:
            self._priced[of] = priced_rows(self._read[sweep], judge)
        return judge_rows(self._priced[of], self._facts[folders], judge, [sweep])

    def _judge(self, causes: frozenset[str]) -> JudgeConfig:
        def of(cause: str) -> JudgeConfig:
            return (self.b if cause in causes else self.a).judge

        facts = {name: getattr(of(FACTS).risk, name) for name in ("as_of", "registry_dirs")}
        buyers = [side.judge.buyer.weights is not None for side in (self.a, self.b)]
        # A buyer with weights of its own brings them along.
        weights = of(BUYER if any(buyers) else RISK).risk.weights
        pricing = of(PRICE).pricing
        other = (self.a if PRICE in causes else self.b).judge.pricing
        return JudgeConfig(
            pricing=pricing.model_copy(
                update={
                    # What only one list prices is taken from it, or a mixture could have no price.
                    "machines": {**other.machines, **pricing.machines},
                    "apis": {**other.apis, **pricing.apis},
                }
            ),
            risk=of(RISK).risk.model_copy(update={**facts, "weights": weights}),
            buyer=of(BUYER).buyer,
        )

    def _differs(self, cause: str) -> bool:
        one, other = self.a.judge, self.b.judge
        if cause == RECORDS:
            return self.a.sweep.resolve() != self.b.sweep.resolve()
        if cause == PRICE:
            return one.pricing != other.pricing
        if cause == FACTS:
            return _facts(one) != _facts(other)
        if cause == BUYER:
            return one.buyer != other.buyer
        without = {"as_of": None, "registry_dirs": ()}
        if one.buyer.weights is not None or other.buyer.weights is not None:
            without["weights"] = ()
        return one.risk.model_copy(update=without) != other.risk.model_copy(update=without)


def _facts(judge: JudgeConfig) -> tuple[object, ...]:
    return judge.risk.as_of, judge.risk.registry_dirs
