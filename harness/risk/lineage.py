"""Base -> derived: what a model carries of its ancestors by weights."""

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


def cycle(registry: Registry) -> Path | None:
    """The first cycle, over edges of every kind but architecture and data; None: there is none.

    Two models may share tokenizers both ways; nothing can be made from what was made from it.
    """
    done: set[str] = set()
    rounds = (_round(registry, (start,), done) for start in registry.models)
    return next((found for found in rounds if found), None)


def _round(registry: Registry, path: Path, done: set[str]) -> Path | None:
    if path[-1] in done:
        return None
    for base in registry.models[path[-1]].bases:
        if base.edge not in ("weights", "distilled_outputs"):
            continue
        if base.model in path:
            return (*path[path.index(base.model) :], base.model)
        found = _round(registry, (*path, base.model), done)
        if found:
            return found
    done.add(path[-1])
    return None
