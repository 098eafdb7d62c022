"""Formats whose tools do not run here, by files of their published shape; broken files."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError, FactError
from harness.imports import (
    aiperf,
    csv_mapping,
    guidellm,
    inference_perf,
    inferencex,
    lm_eval,
    mlenergy,
    optimum,
    peft_comparison,
    vllm_bench,
)
from harness.imports.formats import AUTO, reader
from harness.imports.found import expand, read
from tests.builders import changed

DATA = Path(__file__).parent / "data"
ENERGY = {
    "task": "gpqa",
    "configurations": [
        {
            "model_id": "openai/gpt-oss-20b", "gpu_model": "H100", "num_gpus": 1,
            "max_num_seqs": 64, "avg_output_len": 2000.0, "energy_per_token_joules": 0.05,
            "energy_per_request_joules": 100.0, "output_throughput_tokens_per_sec": 10000.0,
            "weight_precision": "mxfp4", "median_itl_ms": 14.0,
        }
    ],
}  # fmt: skip
INFERENCEX = {
    "hw": "h100", "tp": 2, "conc": 64, "model": "openai/gpt-oss-120b", "framework": "vllm",
    "precision": "fp4", "tput_per_gpu": 3000.0, "output_tput_per_gpu": 1000.0,
    "median_ttft": 0.4, "median_tpot": 0.02, "median_intvty": 50.0,
}  # fmt: skip
PERF = {
    "load_summary": {"count": 900, "requested_rate": 4.0},
    "successes": {
        "count": 800,
        "latency": {
            "time_per_output_token": {"median": 0.02, "p99": 0.05},
            "time_to_first_token": {"median": 0.3, "p99": 0.9},
        },
        "throughput": {"output_tokens_per_sec": 500.0, "total_tokens_per_sec": 900.0},
        "output_len": {"mean": 128.0},
        "prompt_len": {"mean": 100.0},
    },
    "failures": {"count": 0},
}
PEFT = {
    "run_info": {
        "created_at": "2025-06-19T19:15:35+00:00", "experiment_name": "lora/rank32",
        "train_config": {"model_id": "meta-llama/Llama-3.2-3B", "dtype": "bfloat16",
                         "max_steps": 5000, "batch_size": 4},
        "peft_config": {"peft_type": "LORA"},
    },
    "train_info": {
        "cuda_memory_max": 22273851392, "train_time": 1796.0, "status": "success",
        "num_trainable_params": 9175040,
        "metrics": [{"step": 5000, "test accuracy": 0.48, "train total tokens": 4198051}],
    },
    "meta_info": {
        "model_info": {"sha": "13afe5124825b4f3751f836b40dafda64c1ed062"},
        "package_info": {"peft-version": "0.15.2"}, "system_info": {"gpu": "NVIDIA L40S"},
    },
}  # fmt: skip
OPTIMUM = {
    "config": {"backend": {"name": "pytorch", "model": "openai-community/gpt2"}},
    "report": {
        "prefill": {"latency": {"unit": "s", "mean": 0.05}},
        "decode": {"latency": {"unit": "s", "mean": 1.0},
                   "throughput": {"unit": "tokens/s", "value": 120.0}},
    },
}  # fmt: skip


def source(tmp_path: Path, data: Any, name: str = "given.json") -> Any:
    path = tmp_path / name
    path.write_text(data if isinstance(data, str) else json.dumps(data), "utf-8")
    return read(path)


def test_ml_energys_throughput_and_energy_are_ours_and_its_itl_is_not(tmp_path: Path) -> None:
    [found] = mlenergy.read(source(tmp_path, ENERGY))

    figures = {key: each.value for key, each in found.imported.figures.items()}
    assert figures == {
        "output_tok_per_s": 10000.0, "energy_j_per_output_tok": 0.05, "energy_j_per_answer": 100.0,
    }  # fmt: skip
    assert all(each.low is None and each.n is None for each in found.imported.figures.values())
    assert found.imported.own["median_itl_ms"] == 14.0
    assert "bundled tokens" in found.imported.missing["itl_p50_s"]


def test_inferencex_gives_throughput_per_gpu_and_ours_is_of_all(tmp_path: Path) -> None:
    [found] = inferencex.read(source(tmp_path, INFERENCEX))

    assert found.imported.gpus == 2
    assert found.imported.figures["output_tok_per_s"].value == 2000.0
    assert found.imported.total_tok_per_s == 6000.0
    assert found.imported.figures["ttft_p50_s"].value == 0.4


def test_inferencexs_own_cost_formula_charges_the_gpu_for_each_kind_of_token() -> None:
    # 1.69 USD an hour; 1000 output tokens a second are 3.6 million an hour
    output = inferencex.usd_per_mtok(1.69, 1000.0)
    total = inferencex.usd_per_mtok(1.69, 3000.0)
    inputs = inferencex.usd_per_mtok(1.69, 2000.0)

    assert output == pytest.approx(0.469444, abs=1e-6)
    assert total == pytest.approx(0.156481, abs=1e-6)
    # 2/3 of the tokens at the one price and 1/3 at the other pay for the GPU twice
    assert inputs * 2 / 3 + output / 3 == pytest.approx(2 * total)


def test_inference_perf_counts_from_the_send_so_only_tpot_and_itl_are_ours(tmp_path: Path) -> None:
    [found] = inference_perf.read(source(tmp_path, PERF))

    assert found.imported.figures["tpot_p99_s"].value == 0.05
    assert found.imported.figures["tpot_p99_s"].n == 800
    assert "ttft_p50_s" not in found.imported.figures
    assert found.imported.own["time_to_first_token_median_s"] == 0.3
    assert found.imported.missing["itl_p50_s"].startswith("not measured: the source gives no")


def test_pefts_comparison_gives_effort_and_no_gain(tmp_path: Path) -> None:
    [found] = peft_comparison.read(source(tmp_path, PEFT))

    figures = {key: each.value for key, each in found.imported.figures.items()}
    assert figures == {
        "finetune_seconds": 1796.0,
        "finetune_tokens": 4198051.0,
        "finetune_peak_memory_gib": pytest.approx(20.744, abs=1e-3),
    }
    assert "no accuracy of the base" in found.imported.missing["finetune_gain"]
    assert (found.revision, found.gpu) == (
        "13afe5124825b4f3751f836b40dafda64c1ed062", "NVIDIA L40S",
    )  # fmt: skip


def test_nothing_that_optimum_benchmark_times_in_a_process_ranks_beside_a_server(
    tmp_path: Path,
) -> None:
    [found] = optimum.read(source(tmp_path, OPTIMUM))

    assert found.imported.figures == {}
    assert found.imported.own["decode_throughput_value_tokens_per_s"] == 120.0


MAPPING = """
tool: mine 1
columns: {model: model, gpu: gpu, gpus: n}
figures:
  output_tok_per_s: {column: tps}
  ttft_p50_s: {column: ttft_ms, times: 0.001, n: requests}
own: [odd]
"""


def test_a_table_is_read_by_its_mapping_with_units_and_sample_sizes(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING, "utf-8")
    table = "model,gpu,n,tps,ttft_ms,requests,odd\na/b,H100,1,900,250,700,7\na/c,H100,1,,100,9,\n"

    first, second = csv_mapping.with_mapping(source(tmp_path, table, "t.csv"), tmp_path / "m.yaml")

    assert first.imported.figures["ttft_p50_s"].value == pytest.approx(0.25)
    assert first.imported.figures["ttft_p50_s"].n == 700
    assert first.imported.own == {"odd": "7"}
    assert second.imported.missing["output_tok_per_s"] == (
        "not measured: tps is empty in the source"
    )


def test_the_printed_template_is_a_mapping_that_holds(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(csv_mapping.TEMPLATE, "utf-8")

    with pytest.raises(FactError, match=r"t.csv: no column model"):
        csv_mapping.with_mapping(source(tmp_path, "a,b\n1,2\n", "t.csv"), tmp_path / "m.yaml")


# --- broken files ----------------------------------------------------------------------------


def shipped(name: str) -> Any:
    return json.loads((DATA / name).read_text("utf-8"))


def guide(key: str, value: Any) -> Any:
    report = shipped("guidellm.json")
    return report | {"benchmarks": [changed(report["benchmarks"][0], {key: value})]}


@pytest.mark.parametrize(
    ("form", "data", "said"),
    [
        (mlenergy, json.dumps(ENERGY)[:80], "no JSON, perhaps cut off"),
        (vllm_bench, "[1, 2", "no JSON, perhaps cut off"),
        (lm_eval, '{"results": {', "no JSON, perhaps cut off"),
        (mlenergy, {"task": "x", "configurations": []}, "configurations: none there"),
        (
            mlenergy,
            {"task": "x", "configurations": [
                ENERGY["configurations"][0] | {"output_throughput_tokens_per_sec": -1}  # type: ignore
            ]},
            "output_throughput_tokens_per_sec: -1 must be above 0",
        ),
        (vllm_bench, shipped("vllm_bench_serve.json") | {"output_throughput": float("nan")},
         "nan is no measurement"),
        (vllm_bench, shipped("vllm_bench_serve.json") | {"completed": 0},
         "completed: 0 must be above 0"),
        (vllm_bench, shipped("vllm_bench_serve.json") | {"median_ttft_ms": 210483495.5},
         "is more than an hour; another unit?"),
        (vllm_bench, shipped("vllm_bench_serve.json") | {"median_ttft_ms": "210"},
         "expected a number, got '210'"),
        (guidellm, changed(shipped("guidellm.json"), {"metadata.version": 9}),
         "metadata.version 9: this harness reads guidellm reports of version 2"),
        (guidellm, guide("metrics.request_totals.successful", 0),
         "successful: 0 must be above 0"),
        (aiperf, shipped("aiperf.json") | {"schema_version": "2.0"},
         "schema_version 2.0: this harness reads AIPerf's 1.x"),
        (aiperf, changed(shipped("aiperf.json"), {"time_to_first_token.unit": "ns"}),
         "unit 'ns': ms or s expected"),
        (inferencex, INFERENCEX | {"median_ttft": 400000.0}, "in ms?"),
        (inferencex, INFERENCEX | {"tput_per_gpu": 10.0}, "which it contains"),
        (inferencex, {"hw": "h100"}, "no InferenceX result: conc, framework"),
        (inference_perf, changed(PERF, {"successes.count": 0}), "no request was answered"),
        (peft_comparison, changed(PEFT, {"train_info.status": "failed"}), "did not succeed"),
        (optimum, {"report": {}}, "no optimum-benchmark report"),
        (lm_eval, changed(shipped("lm_eval_results.json"), {"n-samples": {}}),
         "n-samples.exam_zh.effective: expected a count"),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_line_that_names_the_place(
    tmp_path: Path, form: Any, data: Any, said: str
) -> None:
    with pytest.raises(FactError) as caught:
        form.read(source(tmp_path, data))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_no_known_format_names_those_that_were_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"fits no format; name one of aiperf, csv, guidellm"):
        reader(AUTO, source(tmp_path, {"a": 1}))


def test_a_format_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no format llmperf"):
        reader("llmperf", source(tmp_path, {}))


def test_packed_files_folders_and_patterns_are_found_each_once(tmp_path: Path) -> None:
    packed = tmp_path / "in" / "a.json.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(json.dumps(ENERGY).encode()))
    (tmp_path / "in" / "b.json").write_text(json.dumps(ENERGY), "utf-8")

    found = expand([str(tmp_path / "in"), str(tmp_path / "in" / "*.json")])

    assert [path.name for path in found] == ["a.json.gz", "b.json"]
    assert mlenergy.read(read(found[0]))[0].model == "openai/gpt-oss-20b"
    with pytest.raises(FactError, match="no file there"):
        expand([str(tmp_path / "nothing.json")])


def test_a_packed_file_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.json.gz"
    path.write_bytes(gzip.compress(json.dumps(ENERGY).encode())[:40])

    with pytest.raises(FactError, match="cannot be read"):
        read(path)
