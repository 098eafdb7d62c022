"""`harness import` and the report of what it brings in."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.config import load
from harness.records import store
from harness.report.imported import NO_INTERVAL
from harness.report.join import join
from harness.track import cell_run
from tests.conftest import Harness
from tests.imports.test_inferencex import ONE_NODE

DATA = Path(__file__).parent / "imports" / "data"
# Per output token and per answer on one H100: lm-arena-chat of the ML.ENERGY leaderboard
# (2026-02-27), the configurations of least energy per token.
PUBLISHED = (
    ("meta-llama/Llama-3.1-8B-Instruct", 9805.587744709, 0.0701938, 396.68, 512),
    ("Qwen/Qwen3-8B", 8534.594267, 0.0721288, 645.09, 512),
)


def configuration(model: str, rate: float, joules: float, length: float, seqs: int) -> Any:
    return {
        "model_id": model, "gpu_model": "H100", "num_gpus": 1, "max_num_seqs": seqs,
        "avg_output_len": length, "energy_per_token_joules": joules,
        "energy_per_request_joules": joules * length, "weight_precision": "bfloat16",
        "output_throughput_tokens_per_sec": rate,
    }  # fmt: skip


@pytest.fixture
def energy(tmp_path: Path) -> Path:
    path = tmp_path / "lm-arena-chat.json"
    made = {
        "task": "lm-arena-chat",
        "task_display_name": "LM Arena Chat",
        "configurations": [configuration(*p) for p in PUBLISHED],
    }
    path.write_text(json.dumps(made), "utf-8")
    return path


def test_published_figures_are_priced_and_judged_like_our_own(
    harness: Harness, tmp_path: Path, energy: Path
) -> None:
    said = harness(
        "import", "auto", str(energy), "--sweep", "ml", "--results-dir", str(tmp_path),
        "--attribution", "ML.ENERGY", "--published", "2026-02-27", "--engine", "vllm 0.11.1",
    )  # fmt: skip
    assert (said.code, said.err) == (0, [])

    judge = load.judge(["pricing=term_2026_06", "pricing.utilisation=1.0"])
    llama, qwen = sorted(join([tmp_path / "ml"], judge).rows, key=lambda r: r.text("model"))

    # 1.69 USD an hour over 9,806 and 8,535 tokens a second: 0.048 and 0.055 a million, and
    # 0.019 and 0.036 for a thousand answers of 397 and 645 tokens
    for row, usd, answer in ((llama, 0.048, 0.019), (qwen, 0.055, 0.036)):
        assert row.figure("bill_usd_per_mtok_output").value == pytest.approx(usd, abs=5e-4)
        assert row.figure("cost_usd_per_1000_tasks").value == pytest.approx(answer, abs=6e-4)
        assert row.figure("bill_usd_per_mtok_total").reason == (
            "not measured: the source gives no count of input tokens"
        )
        assert row.figure("output_tok_per_s").low is None
        tool = "imported from ML.ENERGY Benchmark 3 (by its form)"
        assert row.text("evidence") == f"{tool}, served by vllm 0.11.1; {NO_INTERVAL}"
    adjusted = qwen.figure("risk_adjusted_usd_per_mtok_output")
    assert adjusted.value is not None
    assert adjusted.value > 0.055
    assert qwen.text("fallback").startswith("llama_3_1_8b")


def test_importing_the_same_file_again_adds_nothing(
    harness: Harness, tmp_path: Path, energy: Path
) -> None:
    arguments = ["import", "mlenergy", str(energy), "--sweep", "ml", "--results-dir", str(tmp_path)]
    first, second = harness(*arguments), harness(*arguments)

    assert first.out.startswith("2 records")
    assert second.out.startswith("0 records")
    assert "2 were there" in second.out


def test_importing_again_with_what_was_forgotten_corrects_the_records(
    harness: Harness, tmp_path: Path, energy: Path
) -> None:
    arguments = ["import", "mlenergy", str(energy), "--sweep", "ml", "--results-dir", str(tmp_path)]
    harness(*arguments)

    said = harness(*arguments, "--engine", "vllm 0.11.1")

    assert said.out.startswith("0 records")
    assert "2 corrected" in said.out
    assert {cell.origin.engine for _, cell in store.cells(tmp_path / "ml") if cell.origin} == {
        "vllm 0.11.1"
    }
    assert len(list((tmp_path / "ml" / "attempts").iterdir())) == 2  # nothing is lost


def test_a_sweep_is_a_name_and_no_way_out_of_the_results(
    harness: Harness, tmp_path: Path, energy: Path
) -> None:
    said = harness("import", "mlenergy", str(energy), "--sweep", "../out")

    assert (said.code, len(said.err)) == (2, 1)
    assert "--sweep ../out: a plain name is needed" in said.err[0]


def test_a_date_that_is_none_and_a_line_that_contradicts_itself_are_one_line_with_the_place(
    harness: Harness, tmp_path: Path
) -> None:
    serve = json.loads((DATA / "vllm-bench-0.32.0" / "serve.json").read_text("utf-8"))
    (tmp_path / "serve.json").write_text(json.dumps(serve | {"date": "20269999-120000"}), "utf-8")
    (tmp_path / "t.csv").write_text("m,g,n,e,t\na/b,H100,1,2,1\na/b,H100,1,2,9\n", "utf-8")
    (tmp_path / "m.yaml").write_text(
        "tool: mine\ncolumns: {model: m, gpu: g, gpus: n}\n"
        "figures: {e2e_p50_s: {column: e}, ttft_p50_s: {column: t}}\n",
        "utf-8",
    )
    into = ["--sweep", "b", "--results-dir", str(tmp_path)]

    dated = harness("import", "auto", str(tmp_path / "serve.json"), "--hardware", "cpu", *into)
    table = str(tmp_path / "t.csv")
    mapped = harness("import", "csv", table, "--mapping", str(tmp_path / "m.yaml"), *into)

    assert (dated.code, len(dated.err)) == (5, 1)
    assert "serve.json: not of the shape that vllm-bench has (ValueError: month" in dated.err[0]
    assert (mapped.code, len(mapped.err)) == (5, 1)
    assert "t.csv line 3: e2e_p50_s 2 s is less than ttft_p50_s 9 s" in mapped.err[0]


def test_explain_lays_inferencex_own_prices_beside_ours(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "agg_one.json").write_text(json.dumps(ONE_NODE), "utf-8")
    harness(
        "import", "auto", str(tmp_path / "agg_one.json"), "--sweep", "ix", "--results-dir",
        str(tmp_path),
    )  # fmt: skip

    for column in ("cost_conditions", "bill_usd_per_mtok_output"):
        said = harness(
            "explain", str(tmp_path / "ix"), "openai/gpt-oss-120b", column,
            "pricing=term_2026_06",
        )  # fmt: skip
        assert (
            "USD per million: output 0.469, total 0.156, input 0.235; each charges the whole"
            in (" ".join(said.out.split()))
        )


def test_a_bad_file_among_good_ones_leaves_no_half_import(
    harness: Harness, tmp_path: Path, energy: Path
) -> None:
    bad = tmp_path / "z.json"
    bad.write_text('{"task": "x", "task_display_name": "X", "configurations": [', "utf-8")

    said = harness(
        "import", "mlenergy", str(energy), str(bad), "--sweep", "ml", "--results-dir", str(tmp_path)
    )

    assert said.code == 5
    assert len(said.err) == 1
    assert "z.json: no JSON, perhaps cut off" in said.err[0]
    assert not (tmp_path / "ml").exists()


def test_a_machine_that_neither_the_file_nor_the_user_names_is_asked_for(
    harness: Harness, tmp_path: Path
) -> None:
    file = str(DATA / "vllm-bench-0.32.0" / "serve.json")
    said = harness("import", "auto", file, "--sweep", "b", "--results-dir", str(tmp_path))

    assert said.code == 2
    assert "give --hardware" in said.err[0]


def test_a_model_that_the_registry_does_not_know_is_listed_with_the_command_to_add_it(
    harness: Harness, tmp_path: Path, energy: Path
) -> None:
    text = energy.read_text("utf-8").replace("Qwen/Qwen3-8B", "acme/unheard")
    energy.write_text(text, "utf-8")

    said = harness(
        "import", "mlenergy", str(energy), "--sweep", "ml", "--results-dir", str(tmp_path)
    )

    assert any(
        line.endswith("harness risk add model acme/unheard") for line in said.out.splitlines()
    )


def test_of_a_tools_folder_what_is_of_another_kind_is_listed_and_the_rest_read(
    harness: Harness, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    shutil.copytree(DATA / "vllm-bench-0.32.0" / "sweep", folder)
    (folder / "environment.json").write_text('{"cpu": 2}', "utf-8")

    said = harness(
        "import", "vllm-bench", str(folder), "--sweep", "b", "--results-dir", str(tmp_path),
        "--hardware", "h100_sxm", "--gpus", "1",
    )  # fmt: skip

    assert said.out.splitlines()[:2] == [
        f"2 records in {tmp_path / 'b'}, from 5 files",
        "of another kind, or part of a file that was read: environment.json, run=0.json,"
        " run=1.json, warmup.json",
    ]


def test_a_folder_without_any_measurement_is_an_error(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text('{"cpu": 2}', "utf-8")

    said = harness("import", "auto", str(tmp_path), "--sweep", "b", "--results-dir", str(tmp_path))

    assert (said.code, len(said.err)) == (5, 1)
    assert "no measurement there" in said.err[0]


def test_every_line_of_an_imported_sweep_has_every_column(harness: Harness, tmp_path: Path) -> None:
    files = (
        "vllm-bench-0.32.0/serve.json", "guidellm-0.8.1/benchmarks.json",
        "aiperf-0.13.0/profile_export_aiperf.json",
        "lm-eval-0.4.13/results_2026-11-26T12-32-22.253922.json",
    )  # fmt: skip
    for name in files:
        harness(
            "import", "auto", str(DATA / name), "--sweep", "real", "--results-dir", str(tmp_path),
            "--hardware", "cpu",
        )  # fmt: skip

    frame = join([tmp_path / "real"], load.judge([])).frame()

    assert len(frame) == len(list(store.cells(tmp_path / "real"))) == 4
    figures = frame["output_tok_per_s"]
    assert sorted(pd.to_numeric(figures, errors="coerce").dropna().round(1)) == [22.1, 70.6]
    # guidellm gives a median its interval and nothing else one; lm-eval gives each score its stderr
    said = sorted(text.rpartition("; ")[2] for text in frame["evidence"])
    assert said == [
        "intervals as published", "intervals only where published",
        NO_INTERVAL, NO_INTERVAL,
    ]  # fmt: skip
    assert not frame.drop(columns=[c for c in frame if c.endswith(("_low", "_high", "_n", "price"))]
                          ).isna().any().any()  # fmt: skip


def test_what_was_computed_and_not_measured_never_looks_like_either(
    harness: Harness, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_text("m,g,n,tps\nQwen/Qwen3-8B,H100,1,9000\n", "utf-8")
    (tmp_path / "m.yaml").write_text(
        "tool: roofline\nevidence: estimated\ncolumns: {model: m, gpu: g, gpus: n}\n"
        "figures:\n  output_tok_per_s: {column: tps}\n",
        "utf-8",
    )
    harness(
        "import", "csv", str(tmp_path / "t.csv"), "--mapping", str(tmp_path / "m.yaml"),
        "--sweep", "e", "--results-dir", str(tmp_path),
    )  # fmt: skip
    harness("report", str(tmp_path / "e"))

    [(_, cell)] = store.cells(tmp_path / "e")
    frame = pd.read_csv(tmp_path / "e" / "summary.csv")
    memo = pd.read_excel(tmp_path / "e" / "summary.xlsx", header=None, dtype=str)
    page = (tmp_path / "e" / "report.html").read_text("utf-8")

    told = "estimated with roofline as named"
    assert cell_run.config(cell)["evidence"] == "estimated with roofline"
    assert frame["evidence"].tolist() == [f"{told}; {NO_INTERVAL}"]
    assert f"≈ {told}" in memo.to_numpy()
    assert f'<td class="evidence estimated">{told}; {NO_INTERVAL}</td>' in page
    assert "1 of 1 cells were computed, not measured" in page
    assert "measured by others" not in page
