"""Which rows of two tables belong together: those of imports."""

from pathlib import Path
from typing import Any

from harness.report.compare.pairing import match
from harness.report.rows import Row
from tests.report.compare.test_beside import _price, brought
from tests.report.judging import table

B200 = {"pricing.machines.b200": _price()}
ON_B200 = {"hardware.name": "b200", "hardware.kind": "gpu"}


def rows(folder: Path, *ids: str, **changes: Any) -> list[Row]:
    cells = [brought({"output_tok_per_s": 8.0}, each, config=ON_B200, **changes) for each in ids]
    return table(folder, *cells, changes=B200).rows


def test_imports_of_an_unknown_number_of_gpus_are_paired_with_nothing(tmp_path: Path) -> None:
    known = rows(tmp_path / "a", "tiny-a-00000000000a", gpus=2)
    unknown = rows(tmp_path / "b", "tiny-b-00000000000b", gpus=None)

    pairs, left = match(known, unknown)

    assert pairs == []
    assert [(each.side, each.why) for each in left] == [
        ("A", "no further row of this model on the other side"),
        ("B", "number of GPUs not given; import with --gpus"),
    ]


def test_an_import_is_a_counterpart_of_itself(tmp_path: Path) -> None:
    one, other = (rows(tmp_path / side, "tiny-a-00000000000a", gpus=None) for side in "ab")

    assert len(match(one, other)[0]) == 1


def test_who_named_the_machine_makes_no_other_machine(tmp_path: Path) -> None:
    [told] = rows(tmp_path / "a", "tiny-a-00000000000a", gpus=2)
    two = rows(tmp_path / "b", "tiny-b-00000000000b", gpus=2)
    four = rows(tmp_path / "c", "tiny-c-00000000000c", gpus=4)
    told.values["hardware"] = "2 x b200, as given to the import"

    [(_, nearest)], _ = match([told], [*four, *two])

    assert nearest.cell.cell_id == "tiny-b-00000000000b"
