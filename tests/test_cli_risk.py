"""The commands of `harness risk`, as a user types them, on the shipped registry."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from harness.cli_risk import risk
from harness.errors import ConfigError, FactError
from tests.builders import parse_shipped_once


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_shipped_once(monkeypatch)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(risk, list(arguments))


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exception is None, result.exception
    return json.loads(result.output)


def test_a_us_product_built_on_listed_weights_carries_them_to_the_contractor() -> None:
    found = answer(
        "explain", "nvidia/OpenReasoning-Nemotron-14B", "--buyer", "us_defence_contractor"
    )

    assert found["jurisdictions"] == ["US", "CN"]
    warned = [r for r in found["gate"]["reasons"] if r["instrument"] == "us-1260h-2026-06-08"]
    assert warned[0]["verdict"] == "dated_warning"
    assert warned[0]["path"][-1] == "Qwen/Qwen2.5-14B-Instruct@*" or "Qwen" in warned[0]["path"][-1]
    assert warned[0]["fact"]["source"].startswith("opensanctions")


@pytest.mark.parametrize(("day", "gate"), [("2026-01-25", "clear"), ("2026-01-26", "blocked")])
def test_texas_bars_qwen_from_the_day_of_its_list(day: str, gate: str) -> None:
    found = answer("explain", "Qwen/Qwen3-8B", "--buyer", "us_state_texas", "--as-of", day)

    assert found["gate"]["verdict"] == gate


def test_score_puts_models_side_by_side_and_says_what_ties() -> None:
    found = answer("score", "Qwen/Qwen3-8B", "zai-org/GLM-4.6", "openai/gpt-oss-20b")

    qwen, _, oss = found["models"]
    assert "zai-org/GLM-4.6@*" in qwen["score"]["ties"]
    assert oss["score"]["ties"] == []
    assert oss["score"]["additive"]["high"] < qwen["score"]["additive"]["median"]
    assert qwen["hazard"]["median"] > oss["hazard"]["median"] > 0


def test_what_the_buyer_may_not_use_is_scored_and_not_ranked() -> None:
    found = run("score", "Qwen/Qwen3-8B", "openai/gpt-oss-20b", "--buyer", "us_state_texas")

    [qwen] = [line for line in found.output.splitlines() if line.startswith("Qwen/Qwen3-8B@*")]
    [oss] = [line for line in found.output.splitlines() if line.startswith("openai/gpt-oss-20b")]
    assert "blocked" in qwen
    assert "not ranked" in qwen
    assert "   1 [1, 1]" in oss  # of one


def test_history_is_a_plot(tmp_path: Path) -> None:
    path = tmp_path / "history.svg"

    result = run("score", "Qwen/Qwen3-8B", "--since", "2026-01-01", "--plot", str(path))

    assert result.exception is None
    assert path.read_text("utf-8").startswith("<svg")


def test_explain_ends_at_the_source_of_each_fact() -> None:
    result = run("explain", "MiniMaxAI/MiniMax-H3")

    assert "blocked: licence excludes US" in result.output
    assert "LICENSE" in result.output
    assert "not legal advice" in result.output


def test_screening_follows_a_brand_to_the_list_and_says_what_it_leaves_out() -> None:
    result = run("screen", "通义千问", "Somebody Unheard Of")

    assert "Alibaba Group Holding Limited (Alibaba), us-1260h" in result.output
    assert "UNKNOWN   Somebody Unheard Of" in result.output
    assert "says nothing about" in result.output or "does not contain" in result.output


def test_the_shipped_registry_passes_its_own_check() -> None:
    result = run("check")

    assert result.exception is None, result.output[-2000:]
    assert "prc_llm_2026, Section 1260H: 5 in" in result.output


def test_a_list_of_ones_own_is_screened_and_may_not_shrink_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_LISTS", str(tmp_path / "store"))
    own, cut = tmp_path / "own.csv", tmp_path / "cut.csv"
    own.write_text("name\n" + "".join(f"Firm {i} Ltd\n" for i in range(10)), "utf-8")
    cut.write_text("name\nFirm 1 Ltd\n", "utf-8")
    add = ("lists", "add", "--list", "ours", "--format", "company_csv")

    assert run(*add, str(own)).exception is None
    refused = run(*add, str(cut))

    assert isinstance(refused.exception, FactError)
    assert "--confirm-shrink" in str(refused.exception)
    assert "Firm 7 Ltd, ours" in run("screen", "firm 7 limited").output
    assert "ours" in run("lists").output


def test_diff_names_the_change_and_the_models_it_moves() -> None:
    result = run("diff", "--from", "2026-06-01", "--to", "2026-06-30")

    assert "2026-06-08  Baidu, Inc.: listed" in result.output
    assert "baidu/ERNIE-4.5-21B-A3B-PT" in result.output


def test_portfolio_prints_concentration(tmp_path: Path) -> None:
    found = answer("portfolio", "Qwen/Qwen3-8B=0.5", "openai/gpt-oss-20b=0.5")

    assert found["hhi_developers"] == pytest.approx(0.5)


def test_a_template_loads_once_it_is_filled_in(tmp_path: Path) -> None:
    text = run("add", "model", "ibm/New-7B").output

    sources, entry = yaml.safe_load_all(text.replace("# models.yaml", "---", 1))
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump(sources), "utf-8")
    (tmp_path / "models.yaml").write_text(yaml.safe_dump(entry), "utf-8")
    found = answer("explain", "ibm/New-7B", "--facts", str(tmp_path))

    assert found["gate"]["verdict"] == "unknown"  # its lineage is still to be found


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        (("score", "Qwen/Qwen3-8C"), FactError, "do you mean Qwen/Qwen3-8B"),
        (("score", "new/model"), FactError, "harness risk add model new/model"),
        (("score", "--plot", "x.svg"), ConfigError, "--since"),
        (("score", "--as-of", "2126-01-01"), ConfigError, "in the future"),
        (("diff", "--from", "2026-02-01", "--to", "2026-01-01"), ConfigError, "must lie before"),
        (("portfolio", "Qwen/Qwen3-8B=0.5"), ConfigError, "sum to 0.5"),
        (("portfolio", "Qwen/Qwen3-8B"), ConfigError, "MODEL=SHARE"),
        (("screen",), ConfigError, "--registry"),
    ],
)
def test_what_makes_no_sense_is_one_line_with_the_fix(
    arguments: tuple[str, ...], error: type[Exception], said: str
) -> None:
    result = run(*arguments)

    assert isinstance(result.exception, error)
    assert said in str(result.exception)
