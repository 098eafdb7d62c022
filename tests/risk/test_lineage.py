"""harness.risk.lineage: the line of weights, and cycles in what was made from what."""

import pytest

from harness.risk.lineage import cycle, weight_line
from harness.risk.registry import Registry
from tests.risk.making import base, model, registry


def chain(*edges: tuple[str, str, str]) -> Registry:
    """Models by the edges from derived to base."""
    names = dict.fromkeys(name for one, _, other in edges for name in (one, other))
    return registry(
        *(
            model(
                f"acme/{name}@*",
                bases=tuple(base(f"acme/{to}@*", edge) for at, edge, to in edges if at == name),
            )
            for name in names
        )
    )


def ends(made: Registry, name: str) -> list[str]:
    return ["".join(key[5] for key in path) for path in weight_line(made, f"acme/{name}@*")]


def test_the_line_has_a_path_to_each_ancestor_by_weights_nearest_first() -> None:
    made = chain(("a", "weights", "b"), ("a", "weights", "c"), ("b", "weights", "d"))

    assert ends(made, "a") == ["a", "ab", "ac", "abd"]
    assert ends(made, "b") == ["b", "bd"]
    assert ends(made, "d") == ["d"]


@pytest.mark.parametrize("edge", ["distilled_outputs", "architecture_or_tokenizer", "data"])
def test_other_edges_are_no_line(edge: str) -> None:
    assert ends(chain(("a", edge, "b"), ("b", "weights", "c")), "a") == ["a"]


def test_a_root_reached_on_two_ways_has_both_paths() -> None:
    made = chain(
        ("a", "weights", "b"), ("a", "weights", "c"), ("b", "weights", "d"), ("c", "weights", "d")
    )

    assert ends(made, "a") == ["a", "ab", "ac", "abd", "acd"]
    assert cycle(made) is None


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ([("a", "weights", "a")], "aa"),
        ([("a", "weights", "b"), ("b", "weights", "a")], "aba"),
        ([("a", "distilled_outputs", "b"), ("b", "weights", "a")], "aba"),
        # The way into the ring is no part of it.
        ([("a", "weights", "b"), ("b", "weights", "c"), ("c", "weights", "b")], "bcb"),
    ],
    ids=["itself", "pair", "distilled", "tail"],
)
def test_a_model_made_from_what_was_made_from_it_is_a_cycle(
    edges: list[tuple[str, str, str]], found: str
) -> None:
    round_ = cycle(chain(*edges))

    assert round_ is not None
    assert "".join(key[5] for key in round_) == found


@pytest.mark.parametrize("edge", ["architecture_or_tokenizer", "data"])
def test_models_may_share_an_architecture_or_data_both_ways(edge: str) -> None:
    assert cycle(chain(("a", edge, "b"), ("b", edge, "a"))) is None
