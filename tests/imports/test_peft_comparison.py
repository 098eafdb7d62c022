"""PEFT's method comparison: a published result (2026-07), the earlier form, and broken ones."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.imports import peft_comparison
from tests.builders import changed
from tests.imports.given import found, shipped, source, values

FILE = "peft-comparison/lora--llama-3.2-3B-rank32.json"


def test_it_gives_the_effort_of_fine_tuning_and_no_gain() -> None:
    [each] = found(FILE)

    # 22,292,725,760 bytes are 20.762 GiB
    assert values(each) == pytest.approx(
        {"finetune_seconds": 941.959, "finetune_tokens": 4198051,
         "finetune_peak_memory_gib": 20.762},
        abs=1e-3,
    )  # fmt: skip
    assert "no accuracy of the base" in each.imported.missing["finetune_gain"]
    assert (each.model, each.gpu, each.revision, each.measured_on) == (
        "meta-llama/Llama-3.2-3B", "NVIDIA L40S", "13afe5124825b4f3751f836b40dafda64c1ed062",
        "2026-07-15",
    )  # fmt: skip


def test_the_earlier_form_has_memory_and_gpu_under_other_names(tmp_path: Path) -> None:
    data = shipped(FILE)
    train = {k: v for k, v in data["train_info"].items() if not k.startswith("accelerator")}
    early = changed(
        data,
        {
            "train_info": train | {"cuda_memory_max": 2**34},
            "meta_info.system_info": {"system": "Linux", "gpu": "NVIDIA L40S"},
        },
    )

    [each] = peft_comparison.read(source(tmp_path, early))

    assert (values(each)["finetune_peak_memory_gib"], each.gpu) == (16, "NVIDIA L40S")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train_info.status": "failed"}, "'failed': the run did not succeed"),
        ({"train_info.train_time": -3}, "train_time: -3 must be above 0"),
        ({"run_info.train_config": {"model_id": "black-forest-labs/FLUX.2"}}, "for images"),
        ({"run_info.train_config.model_id": None}, "model_id: expected text"),
    ],
)
def test_a_broken_result_is_one_line_that_names_the_place(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(FactError) as caught:
        peft_comparison.read(source(tmp_path, changed(shipped(FILE), change)))

    assert said in str(caught.value)
    assert "given.json" in str(caught.value)
