#!/usr/bin/env python3
"""Screening beside other ways to compare names: time on a large list, errors on labelled pairs.

Usage: .venv/bin/python scripts/bench_screening.py [--entries N] [--seed N] [--pairs FILE]

speed   the whole registry against made-up entries as the US Consolidated Screening List has them
        (the file is not read); nomenklatura's logic-v2 on a sample of the same comparisons, scaled
errors  recall and precision on tests/risk/screening/name_pairs.csv: the alias table, token-set
        ratio >= 90, Jaro-Winkler >= 0.88, logic-v2 >= 0.7

nomenklatura is used where it is installed (it compiles ICU: Debian's libicu-dev and pkg-config,
then `pip install nomenklatura`); without it the other figures are printed. Times are of this
machine and one core; the ratio is what carries over.
"""

import argparse
import csv
import itertools
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler

from harness.risk.lists.entry import Entry
from harness.risk.load import load_registry
from harness.risk.registry import Registry
from harness.risk.screening.aliases import AliasTable
from harness.risk.screening.match import same_party, screen
from harness.risk.screening.names import normalise, spellings
from harness.risk.screening.rulings import load_rulings

PAIRS = Path(__file__).parents[1] / "tests" / "risk" / "screening" / "name_pairs.csv"
ENTRIES = 60_000
BAR_S, BAR_RECALL, BAR_PRECISION = 5.0, 0.98, 0.95
LOGIC_V2_SAMPLE = 20_000
LOGIC_V2_THRESHOLD = 0.7

PLACES = ("Beijing", "Shanghai", "Shenzhen", "Hangzhou", "Wuhan", "Chengdu", "Nanjing", "Xi'an")
SYLLABLES = (
    "zhi pu hua zhang xi yu yue bai chuan jie xing chen da tong hong rui kang jin tai ming wei"
    " shu ke lian yun fei long hai bo wen an qing lan feng zhong xin guang mei sheng heng"
)
TRADES = (
    "Technology,Intelligent Technology,Information Technology,Electronics,Network Technology,"
    "Trading,Semiconductor,Aviation Industry,Optical Instrument,Communications,Logistics,"
    "Software,Import and Export,Navigation Technology,Energy"
)
FORMS = ("Co., Ltd.", "Co. Ltd", "Company Limited", "Group Co., Ltd.", "Corporation", "Inc.")
STEMS = (
    "al an ar bel bor cal cor dar del dor el far gal gor hal is kar kor lan lor mar mor nor or"
    " pal por rad ros sal sem tar tor ul val ver vol yar zar"
)
ENDINGS = "is on ex ia um ov in tek mash prom trans vest kom stroy line mar petrol"
WESTERN_FORMS = ("LLC", "OOO", "JSC", "Ltd", "GmbH", "S.A.", "FZE", "Trading LLC", "Holding AG")
SOURCES = (
    "Entity List (EL) - Bureau of Industry and Security",
    "Specially Designated Nationals (SDN) - Treasury Department",
    "Unverified List (UVL) - Bureau of Industry and Security",
)


def made_up_entries(count: int, seed: int) -> tuple[Entry, ...]:
    """Companies with Chinese and other names, people, aliases and identifiers; none is real."""
    draw = random.Random(seed)
    return tuple(
        Entry(
            list_key="us-csl",
            edition="2026-08-22",
            program=draw.choice(SOURCES),
            row=row,
            name=_name(draw),
            aliases=tuple(_name(draw) for _ in range(draw.choice((0, 0, 1, 1, 2, 4)))),
            identifiers=(f"Registration Number {draw.randrange(10**9)}",),
            countries=("CN",),
        )
        for row in range(2, count + 2)
    )


def _name(draw: random.Random) -> str:
    syllables, stems, ends = SYLLABLES.split(), STEMS.split(), ENDINGS.split()
    trade, kind = draw.choice(TRADES.split(",")), draw.random()
    if kind < 0.4:
        own = "".join(draw.choices(syllables, k=2)).capitalize()
        own += " " + "".join(draw.choices(syllables, k=2)).capitalize()
        return f"{draw.choice(PLACES)} {own} {trade} {draw.choice(FORMS)}"
    word = (draw.choice(stems) + draw.choice(stems) + draw.choice(ends)).capitalize()
    if kind < 0.75:
        return f"{word} {trade} {draw.choice(WESTERN_FORMS)}"
    return f"{word.upper()}, {draw.choice(stems).capitalize()} {draw.choice(stems).capitalize()}"


def speed(registry: Registry, count: int, seed: int) -> bool:
    """Prints seconds; whether the bar holds."""
    entries = made_up_entries(count, seed)
    names = [name.value for party in registry.parties.values() for name in party.names]
    print(f"{len(registry.parties)} parties, {len(names)} names, {len(entries)} entries, one core")
    begun = time.process_time()
    found = screen(registry, entries, load_rulings())
    ours = time.process_time() - begun
    print(f"  screening         {ours:8.2f} s   (bar {BAR_S} s)")
    print(f"                    {len(found.hits)} hits, {len(found.proposals)} proposals")
    score = logic_v2()
    if score is None:
        print("  logic-v2          not installed; not timed")
    else:
        draw = random.Random(seed)
        pairs = [(draw.choice(names), draw.choice(entries).name) for _ in range(LOGIC_V2_SAMPLE)]
        begun = time.process_time()
        for one, other in pairs:
            score(one, other)
        each = (time.process_time() - begun) / len(pairs)
        total = each * len(names) * len(entries)
        print(
            f"  logic-v2          {total:8.0f} s   {total / ours:.0f} times ours: all comparisons,"
            f" scaled from {len(pairs)}, no blocking, main names only"
        )
    return ours < BAR_S


def errors(registry: Registry, path: Path) -> bool:
    """Prints recall and precision of each method; whether ours meets the bars."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table, rulings = AliasTable.of(registry), load_rulings()
    methods: dict[str, Callable[[str, str], bool]] = {
        "alias table": lambda one, other: same_party(table, one, other, rulings),
        "token set >= 90": lambda one, other: _best(fuzz.token_set_ratio, one, other) >= 90,
        "Jaro-Winkler >= 0.88": lambda one, other: (
            _best(JaroWinkler.similarity, one, other) >= 0.88
        ),
    }
    score = logic_v2()
    if score is not None:
        methods["logic-v2 >= 0.7"] = lambda one, other: (
            _best(score, one, other, plain=False) >= LOGIC_V2_THRESHOLD
        )
    same = sum(row["same"] == "true" for row in rows)
    print(f"{len(rows)} labelled pairs, {same} the same party")
    held = True
    for title, method in methods.items():
        said = [
            (row["same"] == "true", method(row["query_name"], row["list_name"])) for row in rows
        ]
        right = sum(true and given for true, given in said)
        recall = right / same
        precision = right / max(1, sum(given for _, given in said))
        print(f"  {title:<22} recall {recall:.3f}  precision {precision:.3f}")
        if title == "alias table":
            held = recall >= BAR_RECALL and precision >= BAR_PRECISION
    if score is None:
        print("  logic-v2               not installed")
    return held


def _best(score: Callable[[str, str], float], one: str, other: str, *, plain: bool = True) -> float:
    """Over the spellings in both; rapidfuzz gets normalised names, as its users would give it."""
    form: Callable[[str], str] = normalise if plain else str
    pairs = itertools.product(spellings(one), spellings(other))
    return max(score(form(a), form(b)) for a, b in pairs)


def logic_v2() -> Callable[[str, str], float] | None:
    """nomenklatura's matcher on two names of companies; None where it is not installed."""
    try:
        from followthemoney import ValueEntity
        from nomenklatura.matching import get_algorithm
    except ImportError:
        return None
    algorithm = get_algorithm("logic-v2")
    config = algorithm.default_config()

    def score(one: str, other: str) -> float:
        # The matcher remembers the names of an entity by its id.
        given: Iterator[ValueEntity] = (
            ValueEntity.from_dict({"id": name, "schema": "Company", "properties": {"name": [name]}})
            for name in (one, other)
        )
        return float(algorithm.compare(*given, config).score)

    return score


def main() -> int:
    """Exit status 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--seed", type=int, default=1260)
    parser.add_argument("--pairs", type=Path, default=PAIRS)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    registry = load_registry()
    held = (speed(registry, given.entries, given.seed), errors(registry, given.pairs))
    print("bars hold" if all(held) else "a bar is missed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
