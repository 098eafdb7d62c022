"""Which format a file has."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ConfigError, FactError
from harness.imports.formats import AUTO, FORMATS, foreign, reader
from harness.imports.found import read
from tests.imports.given import DATA, source
from tests.imports.test_inferencex import EARLY, ONE_NODE, TWO_PARTS
from tests.imports.test_mlenergy import TASK
from tests.imports.test_optimum import REPORT

FOLDERS = {
    "aiperf-0.13.0": "aiperf", "guidellm-0.6.0": "guidellm", "guidellm-0.8.1": "guidellm",
    "inference-perf-0.7.0": "inference-perf", "lm-eval-0.4.13": "lm-eval",
    "peft-comparison": "peft-method-comparison", "vllm-bench-0.32.0": "vllm-bench",
}  # fmt: skip


@pytest.mark.parametrize(("folder", "form"), FOLDERS.items())
def test_real_files_are_recognised(folder: str, form: str) -> None:
    files = [path for path in (DATA / folder).rglob("*") if path.is_file()]

    assert files
    assert {reader(AUTO, read(path))[0] for path in files} == {form}


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (TASK, "mlenergy"), (EARLY, "inferencex"), ([TWO_PARTS], "inferencex"),
        (REPORT, "optimum-benchmark"),
    ],
)  # fmt: skip
def test_published_shapes_are_recognised(tmp_path: Path, data: Any, form: str) -> None:
    assert reader(AUTO, source(tmp_path, data))[0] == form


def test_a_file_of_no_known_format_names_those_that_were_looked_for(tmp_path: Path) -> None:
    with pytest.raises(
        FactError, match=r"looked for aiperf: request_throughput and input_config; csv: "
    ):
        reader(AUTO, source(tmp_path, {"a": 1}))


def test_a_file_that_is_cut_off_is_not_called_foreign(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="no JSON, perhaps cut off"):
        reader(AUTO, source(tmp_path, '{"benchmarks": ['))


def test_a_part_of_another_shape_is_one_line_whatever_breaks(tmp_path: Path) -> None:
    file = source(tmp_path, TASK | {"configurations": ["H100"]})

    with pytest.raises(FactError, match=r"given.json: not of the shape that mlenergy has \("):
        reader(AUTO, file)[1](file)


@pytest.mark.parametrize("value", [10**400, "[" * 100_000], ids=["digits", "nest"])
def test_neither_a_number_of_400_digits_nor_a_deep_nest_is_a_crash(
    tmp_path: Path, value: Any
) -> None:
    data = ONE_NODE | {"conc": value} if isinstance(value, int) else value
    file = source(tmp_path, data)

    with pytest.raises(FactError, match=r"given.json: (not of the shape|no JSON)"):
        reader(AUTO, file)[1](file)


def test_a_format_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no format llmperf; known are auto, aiperf"):
        reader("llmperf", source(tmp_path, {}))


def test_another_kind_of_file_is_told_from_one_that_is_cut_off(tmp_path: Path) -> None:
    assert foreign(AUTO, source(tmp_path, {"inputs": []}))
    assert foreign("guidellm", source(tmp_path, TASK))
    assert not foreign("mlenergy", source(tmp_path, TASK))
    assert not foreign(AUTO, source(tmp_path, '{"inputs": ['))
    assert foreign(AUTO, source(tmp_path, "started at noon", "server-log.txt"))


def test_every_format_says_in_a_line_what_it_is() -> None:
    assert all((module.__doc__ or "").splitlines()[0].endswith((".", ":"))
               for module in FORMATS.values())  # fmt: skip
