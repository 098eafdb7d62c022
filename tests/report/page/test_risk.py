"""harness.report.page.risk: gates with their reasons, factors with their facts."""

from pathlib import Path

from harness.report.page import risk
from tests.builders import cell
from tests.report.judging import risky
from tests.report.judging import table as judged


def test_a_gates_reason_stands_once_for_all_that_share_it(tmp_path: Path) -> None:
    defence = {"buyer.profile": "defence", "buyer.bound_as": ["us_defence_contractor"]}
    cells = cell(), risky()
    private, strict = (
        judged(tmp_path / name, *cells, changes=changes)
        for name, changes in (("a", {"buyer.profile": "private"}), ("b", defence))
    )

    found = risk.why([private, strict])

    told = {(each["models"], each["gate"]) for each in found}
    assert told == {
        ("risky", "blocked for defence"),
        ("risky", "clear for private"),
        ("tiny", "clear for every buyer"),
    }
    assert found[0]["gate"] == "blocked for defence"  # what is clear comes last
    assert "forbids the use of a listed firm's models" in found[0]["text"]


def test_factors_stand_once_for_the_contents_in_which_they_are_alike(tmp_path: Path) -> None:
    code = {"workload.name": "code", "workload.content": "code"}

    [block] = risk.evidence(judged(tmp_path, cell(), cell("b-00000000000b", config=code)))

    assert block["kinds"] == "0 1"
    weights = {factor["name"]: factor["weight"] for factor in block["factors"]}
    assert weights["behaviour"] == "0.00339 for code, 0.06 for chat"
