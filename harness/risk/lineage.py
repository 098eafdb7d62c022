"""Base -> derived: what a model carries of its ancestors by weights."""

from harness.errors import FactError
from harness.risk.registry import Registry

Path = tuple[str, ...]


def weight_line(registry: Registry, key: str) -> list[Path]:
    """Paths from a model to itself and to each ancestor by weights, nearest first.

    Same architecture, data or distilled outputs are not a line of weights.
    """
    paths: list[Path] = [(key,)]
    for path in paths:
        for base in registry.models[path[-1]].bases:
            if base.edge == "weights" and base.model not in path:
                paths.append((*path, base.model))
    return paths


def check_acyclic(registry: Registry) -> None:
    """Raises FactError that names the cycle, over edges of every kind but architecture and data.

    Two models may share tokenizers both ways; nothing can be made from what was made from it.
    """
    done: set[str] = set()
    for start in registry.models:
        _visit(registry, (start,), done)


def _visit(registry: Registry, path: Path, done: set[str]) -> None:
    if path[-1] in done:
        return
    for base in registry.models[path[-1]].bases:
        if base.edge not in ("weights", "distilled_outputs"):
            continue
        if base.model in path:
            raise FactError(f"models: lineage cycle: {' -> '.join((*path, base.model))}")
        _visit(registry, (*path, base.model), done)
    done.add(path[-1])
