"""Names of GPUs in other people's files, and the machine whose price they get."""

import pytest

from harness.imports.cells import _hardware


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("H100", "h100_sxm"),
        ("NVIDIA H100 80GB HBM3", "h100_sxm"),
        ("H200", "h200"),
        ("B200", "b200"),
        ("NVIDIA A100-SXM4-80GB", "a100_80g"),
        ("NVIDIA L40S", "l40s"),
        ("NVIDIA GeForce RTX 4090", "rtx_4090"),
        ("NVIDIA H100 PCIe", None),
        ("NVIDIA H100 NVL", None),
        ("NVIDIA GH200 480GB", None),
        ("GB200", None),
        ("NVIDIA A100-SXM4-40GB", None),
        ("MI300X", None),
        (None, None),
    ],
)
def test_a_card_gets_its_own_price_and_a_relative_none(
    name: str | None, machine: str | None
) -> None:
    assert _hardware(name) == machine
