"""harness.report.flat: pinned names, typed numbers, one line per cell and buyer."""

import json
from pathlib import Path

import jsonschema
import pandas as pd

from harness.report import flat
from harness.report.join import join_all
from harness.report.tables import write_csv, write_parquet
from tests.builders import cell, failed_cell, judge_config, write_sweep
from tests.report.judging import FACTS, risky, table
from tests.risk.making import write_registry

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "summary.schema.json").read_text("utf-8"))


def test_every_line_of_a_summary_fits_the_published_schema(tmp_path: Path) -> None:
    frame = flat.readable(table(tmp_path, cell(), failed_cell()).rows)

    lines = json.loads(frame.to_json(orient="records"))

    assert list(frame.columns) == list(SCHEMA["properties"])
    for line in lines:
        jsonschema.validate(line, SCHEMA)


def test_the_parquet_file_has_numbers_and_the_reason_of_a_missing_one_beside_it(
    tmp_path: Path,
) -> None:
    made = table(tmp_path, cell(), failed_cell("z-failed-000000000009"))
    write_parquet([made], tmp_path / "summary.parquet")

    frame = pd.read_parquet(tmp_path / "summary.parquet")

    assert {name: str(kind) for name, kind in frame.dtypes.items()} == SCHEMA["x-parquet"] | {
        name: str(frame[name].dtype)
        for name, kind in SCHEMA["x-parquet"].items()
        if kind == "string"  # pandas gives strings back as it likes
    }
    assert frame["output_tok_per_s"].tolist()[0] == 10.0
    assert frame["output_tok_per_s"].isna().tolist() == [False, True]
    assert frame["output_tok_per_s_reason"].tolist()[1] == "not measured: not reached"
    assert frame["output_tok_per_s_source"].tolist()[0].endswith("requests.parquet")


def test_several_buyers_give_each_cell_a_line_of_its_own_and_the_same_measurements(
    tmp_path: Path,
) -> None:
    facts = write_registry(tmp_path / "facts", FACTS)
    sweep = write_sweep(tmp_path / "unit", cell(), risky())
    private, defence = (
        judge_config({"buyer.profile": name, "buyer.bound_as": bound}, (facts,))
        for name, bound in (("private", ["us_person"]), ("defence", ["us_defence_contractor"]))
    )

    tables = join_all([sweep], [private, defence])
    write_csv(tables, tmp_path / "summary.csv")

    frame = pd.read_csv(tmp_path / "summary.csv")
    listed = frame[frame["model"] == "risky"].set_index("buyer")
    assert len(frame) == 4
    assert listed.loc["defence", "gate"] == "blocked"
    assert listed.loc["private", "gate"] != "blocked"
    assert listed["output_tok_per_s"].nunique() == 1
