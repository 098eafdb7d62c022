"""Scoring 100 models with 10,000 draws of ten factors: seconds on this machine.

.venv/bin/python scripts/bench_score.py
"""

import time

import numpy as np

from harness.config import load
from harness.config.judge import FACTORS
from harness.risk.score import Vector, score

MODELS = 100


def main() -> None:
    """Print seconds, best of three."""
    risk = load.judge([]).risk
    rng = np.random.default_rng(1)
    ends = np.sort(rng.random((MODELS, len(FACTORS), 2)), axis=2)
    vectors = [
        Vector(
            key=f"model {i}",
            low=dict(zip(FACTORS, map(float, ends[i, :, 0]), strict=True)),
            high=dict(zip(FACTORS, map(float, ends[i, :, 1]), strict=True)),
        )
        for i in range(MODELS)
    ]
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        score(vectors, risk.weights, risk)
        taken.append(time.perf_counter() - begun)
    print(f"{MODELS} models, {risk.draws} draws: {min(taken):.2f} s (best of {len(taken)})")


if __name__ == "__main__":
    main()
