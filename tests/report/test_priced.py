"""harness.report.priced: costs by hand; a missing price is an error, a void level enters none."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import FactError
from harness.records.schema import Cell, TextTokens
from harness.report.columns import COLUMNS
from harness.stats import Estimate, proportion
from tests.builders import (
    cell,
    estimate,
    failed_cell,
    finetune_result,
    level,
    score,
    shaped,
    window,
)
from tests.report.judging import API, CACHED_PRICE, ON, endpoint, row, scored

# 0.001 s an input token and 0.01 s an output token; at 3.60 USD an hour 1 and 10 USD a million.
SHAPES = (shaped(100, 32, 4.2), shaped(400, 8, 4.8), shaped(20, 64, 6.6))
EN = TextTokens(name="en", bytes=4000, tokens=1000)
ZH = TextTokens(name="zh", bytes=3000, tokens=2600)


# --- prices ----------------------------------------------------------------------------------


def test_input_and_output_have_prices_of_their_own(tmp_path: Path) -> None:
    found = row(tmp_path, cell(levels=SHAPES))

    price = found.figure("split_usd_per_mtok_input")
    assert price.value == pytest.approx(1.0)
    assert (price.at_low_price, price.at_high_price) == (pytest.approx(0.5), pytest.approx(2.0))
    assert price.low is not None
    assert price.high is not None
    assert price.low < 1.0 < price.high
    assert price.n == 3
    assert found.figure("split_usd_per_mtok_output").value == pytest.approx(10.0)
    assert found.figure("blend_usd_per_mtok_3_1").value == pytest.approx(3.25)


def test_the_own_blend_is_mixed_as_the_headline_level(tmp_path: Path) -> None:
    # The workload's own shape: 1,000 of 1,320 tokens are input.
    found = row(tmp_path, cell(levels=SHAPES))

    assert found.text("level") == "c8-i100-o32"
    expected = (1000 * 1.0 + 320 * 10.0) / 1320
    assert found.figure("blend_usd_per_mtok_own").value == pytest.approx(expected)
    assert found.figure("bill_usd_per_mtok_total").value == pytest.approx(expected)


def test_a_blend_with_cached_input_is_not_made_with_the_price_of_input(tmp_path: Path) -> None:
    found = row(tmp_path, cell(levels=SHAPES))

    for key in ("split_usd_per_mtok_cached", "blend_usd_per_mtok_7_2_1"):
        assert found.figure(key).value is None
        assert str(found.figure(key).reason).startswith("not measured: no price of cached input")


def test_a_blend_with_cached_input_by_hand(tmp_path: Path) -> None:
    # Cached input takes a tenth: 1,000 x 0.001 + 3,000 x 0.0001 + 80 x 0.01 = 2.1 s.
    part = window(
        end_s=2.1, requests=10, input_tokens=4000, cached_input_tokens=3000, output_tokens=80
    )
    levels = (SHAPES[0], SHAPES[2], shaped(400, 8, 2.1, window=part))

    found = row(tmp_path, cell(levels=levels))

    assert found.figure("split_usd_per_mtok_cached").value == pytest.approx(0.1)
    # 0.7 x 0.1 + 0.2 x 1 + 0.1 x 10
    assert found.figure("blend_usd_per_mtok_7_2_1").value == pytest.approx(1.27)


def test_levels_of_one_shape_have_bills_and_say_why_they_have_no_split(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    assert found.figure("bill_usd_per_mtok_output").value == pytest.approx(100.0)
    for key in ("split_usd_per_mtok_input", "blend_usd_per_mtok_own", "blend_usd_per_mtok_3_1"):
        assert "two shapes" in str(found.figure(key).reason)
    assert found.text("cost_conditions").startswith("no split: telling input from output")


def test_the_own_blend_of_cache_hits_that_are_not_told_is_not_made(tmp_path: Path) -> None:
    silent = shaped(
        100,
        32,
        4.2,
        name="c64",
        concurrency=64,
        output_tok_per_s=estimate(1e4),
        declared_cache_share=0.5,
    )

    found = row(tmp_path, cell(levels=(*SHAPES, silent)))

    assert found.text("level") == "c64"
    assert found.figure("split_usd_per_mtok_input").value == pytest.approx(1.0)
    assert found.figure("blend_usd_per_mtok_own").reason == (
        "not measured: the server does not tell cached tokens"
    )


# --- bills -----------------------------------------------------------------------------------


def test_bills_by_hand(tmp_path: Path) -> None:
    # 3.60 USD an hour is 0.001 a second: 0.01 USD for 100 output tokens, 400 in all, 4 tasks.
    found = row(tmp_path, cell())

    assert found.figure("bill_usd_per_mtok_output").value == pytest.approx(100.0)
    assert found.figure("bill_usd_per_mtok_total").value == pytest.approx(25.0)
    assert found.figure("cost_usd_per_1000_tasks").value == pytest.approx(2.5)
    assert "a task is one request of c1 (75 tokens in and 25 out" in found.text("cost_conditions")


def test_every_figure_that_a_price_makes_shows_the_range_of_prices(tmp_path: Path) -> None:
    # Half and twice the middle price.
    found = row(tmp_path, scored(score(), levels=SHAPES, texts=(EN, ZH)))

    seen = 0
    for column in COLUMNS:
        if column.priced and (figure := found.figure(column.key)).value is not None:
            assert figure.at_low_price == pytest.approx(figure.value / 2), column.key
            assert figure.at_high_price == pytest.approx(figure.value * 2), column.key
            seen += 1
    assert seen > 8


def test_an_owned_machine_has_one_price_and_no_range(tmp_path: Path) -> None:
    # 87,600 USD over 10 years of 8,760 hours is 1 a hour; 1 kW x 2 x 0.5 is 1; 730 a month is 1;
    # 5,256 a year is 0.6.
    owned = {
        "kind": "owned",
        "purchase_usd": 90000.0,
        "residual_usd": 2400.0,
        "life_years": 10.0,
        "power_w": 1000.0,
        "pue": 2.0,
        "usd_per_kwh": 0.5,
        "space_usd_per_month": 730.0,
        "staff_usd_per_year": 5256.0,
        "source": "made up for tests",
        "as_of": "2026-11-25",
    }

    found = row(tmp_path, cell(), {"pricing.machines.cpu": owned}).figure("bill_usd_per_mtok_total")

    assert found.value == pytest.approx(25.0)
    assert (found.at_low_price, found.at_high_price) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"pricing.utilisation": 0.25},
        {
            "pricing.utilisation": None,
            "pricing.utilisation_by_hour": [0.0] * 12 + [0.5] * 12,
        },
    ],
    ids=["level", "curve of the same mean"],
)
def test_idle_hours_are_paid_by_those_that_work(tmp_path: Path, changes: dict[str, Any]) -> None:
    found = row(tmp_path, cell(levels=SHAPES), changes)

    assert found.figure("split_usd_per_mtok_input").value == pytest.approx(4.0)


def test_another_price_changes_costs_and_no_cell_id(tmp_path: Path) -> None:
    cheap = row(tmp_path / "a", cell())
    dear = row(
        tmp_path / "b",
        cell(),
        {
            "pricing.machines.cpu.mid_usd_per_hour": 36.0,
            "pricing.machines.cpu.high_usd_per_hour": 36.0,
        },
    )

    assert dear.text("cell_id") == cheap.text("cell_id")
    assert dear.figure("bill_usd_per_mtok_output").value == pytest.approx(1000.0)
    assert dear.figure("output_tok_per_s").value == cheap.figure("output_tok_per_s").value


def test_a_void_level_enters_no_cost(tmp_path: Path) -> None:
    void = shaped(800, 4, 1.0, void=("counts disagree",), output_tok_per_s=estimate(1e6))

    with_it = row(tmp_path / "a", cell(levels=(*SHAPES, void)))
    without = row(tmp_path / "b", cell(levels=SHAPES))

    for column in COLUMNS:
        if column.priced:
            assert with_it.figure(column.key) == without.figure(column.key), column.key


def test_a_cell_of_void_levels_has_no_cost_and_the_reason(tmp_path: Path) -> None:
    found = row(tmp_path, cell(levels=(level(void=("counts disagree",)),)))

    for column in COLUMNS:
        if column.priced and not column.key.startswith("finetune"):
            assert found.figure(column.key).reason == "void: counts disagree", column.key


@pytest.mark.parametrize("one", [cell(), failed_cell()], ids=["done", "failed"])
def test_a_machine_without_a_price_is_an_error_and_never_free(tmp_path: Path, one: Cell) -> None:
    with pytest.raises(FactError, match=r"no price for hardware cpu; add pricing\.machines\.cpu"):
        row(tmp_path, one, {"pricing.machines": {}})


def test_a_gpu_machine_is_paid_for_the_gpus_that_the_model_uses(tmp_path: Path) -> None:
    on_gpus = cell(
        config={
            "hardware.name": "cpu",  # priced in the test's pricing
            "hardware.kind": "gpu",
            "hardware.gpu_count": 8,
            "model.tensor_parallel_size": 2,
            "model.pipeline_parallel_size": 2,
        },
        cpu_only=False,
        environment=cell().environment | {"gpus": [{"name": "H100"}] * 8},
    )

    found = row(tmp_path, on_gpus)

    assert found.text("hardware") == "4 x H100"
    assert found.text("evidence") == "measured"
    assert found.figure("bill_usd_per_mtok_output").value == pytest.approx(400.0)
    assert "; 4 GPUs charged; utilisation 100%; " in found.text("cost_conditions")


def test_the_conditions_of_a_cost_say_what_was_charged_and_at_which_utilisation(
    tmp_path: Path,
) -> None:
    found = row(tmp_path, cell(levels=SHAPES), {"pricing.utilisation": 0.125})

    assert "; one machine charged; utilisation 12.5%; " in found.text("cost_conditions")


def test_an_estimate_without_ends_stays_without_them(tmp_path: Path) -> None:
    bare = level(output_tok_per_s=Estimate(value=10.0, n=1))

    found = row(tmp_path, cell(levels=(bare,))).figure("bill_usd_per_mtok_output")

    assert (found.value, found.low, found.high) == (pytest.approx(100.0), None, None)


# --- tasks, text, answers --------------------------------------------------------------------


def test_a_task_is_taken_at_natural_length_where_that_was_measured(tmp_path: Path) -> None:
    # 20 s for 4 answers of natural length: 0.005 USD each.
    natural = level(
        name="c4",
        output_tokens_asked=None,
        window=window(end_s=20.0),
        output_tok_per_s=estimate(5.0),
    )

    found = row(tmp_path, cell(levels=(level(), natural)))

    assert found.text("level") == "c1"
    assert found.figure("cost_usd_per_1000_tasks").value == pytest.approx(5.0)
    assert "one request of c4 (75 tokens in and 25 out on average, natural length)" in found.text(
        "cost_conditions"
    )


def test_a_megabyte_costs_by_the_tokens_that_the_tokenizer_makes_of_it(tmp_path: Path) -> None:
    # 250,000 tokens a MB of English at 1 and 10 USD a million; 866,667 of Chinese.
    found = row(tmp_path, cell(levels=SHAPES, texts=(EN, ZH)))

    assert found.figure("cost_usd_per_mb_en_input").value == pytest.approx(0.25)
    assert found.figure("cost_usd_per_mb_en_output").value == pytest.approx(2.5)
    assert found.figure("cost_usd_per_mb_zh_input").value == pytest.approx(2600 / 3000)
    assert found.figure("cost_usd_per_mb_code_input").reason == (
        "not measured: no token count of the reference text code"
    )


def test_the_cost_of_a_correct_answer_prices_prompt_and_answer_apart(tmp_path: Path) -> None:
    # 40,000 prompt and 8,000 answer tokens over 80 answers: 500 x 1e-6 + 100 x 1e-5 = 0.0015 USD;
    # half are right.
    found = row(tmp_path, scored(score(prompt_tokens=40000), levels=SHAPES))

    figure = found.figure("cost_usd_per_correct")
    assert figure.value == pytest.approx(0.003)
    assert figure.n == 80
    assert figure.low is not None
    assert figure.high is not None
    # Wider than accuracy alone makes it: Wilson's ends for 40 of 80.
    accuracy = proportion(40, 80)
    assert accuracy is not None
    assert accuracy.low is not None
    assert figure.high > 0.0015 / accuracy.low
    assert "a right answer is priced by prompt and answer apart" in found.text("cost_conditions")


def test_without_a_split_a_correct_answer_is_priced_at_the_whole_bill_and_says_so(
    tmp_path: Path,
) -> None:
    # 100 output tokens are 0.01 USD at 100 USD a million; half are right.
    found = row(tmp_path, scored(score(prompt_tokens=40000)))

    assert found.figure("cost_usd_per_correct").value == pytest.approx(0.02)
    assert "output tokens at the whole bill" in found.text("cost_conditions")


def test_items_that_failed_do_not_make_the_answers_cheaper(tmp_path: Path) -> None:
    # 80 answered, 20 failed: 500 prompt and 100 answer tokens each as without failures.
    lost = score(prompt_tokens=40000, failed=20, limit=100)

    split = row(tmp_path / "a", scored(lost, levels=SHAPES)).figure("cost_usd_per_correct")
    whole = row(tmp_path / "b", scored(lost)).figure("cost_usd_per_correct")

    assert split.value == pytest.approx(0.003)
    assert whole.value == pytest.approx(0.02)


def test_answers_whose_tokens_are_not_all_known_have_no_cost_and_the_reason(
    tmp_path: Path,
) -> None:
    found = row(tmp_path, scored(score(output_tokens=None))).figure("cost_usd_per_correct")

    assert found.reason == "not measured: not every answer told its tokens"


def test_no_correct_answer_has_no_cost(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score(value=proportion(0, 80)))).figure("cost_usd_per_correct")

    assert found.value is None
    assert found.reason == "no bound: no answer was correct"


def test_fine_tuning_by_hand(tmp_path: Path) -> None:
    stages = cell().stages | {"finetune": ON}

    found = row(tmp_path, cell(finetune=finetune_result(), stages=stages))

    assert found.figure("finetune_gain").value == pytest.approx(0.25)  # 45/60 - 30/60
    paid = found.figure("finetune_cost_usd")
    assert paid.value == pytest.approx(1.8)  # half an hour at 3.60
    assert (paid.at_low_price, paid.at_high_price) == (pytest.approx(0.9), pytest.approx(3.6))
    assert found.figure("finetune_peak_memory_gib").value == 2.0
    assert found.figure("finetune_seconds").value == 1800.0


def test_fine_tuning_pays_for_idle_hours_as_every_other_cost_does(tmp_path: Path) -> None:
    stages = cell().stages | {"finetune": ON}
    tuned = cell(finetune=finetune_result(), stages=stages)

    paid = row(tmp_path, tuned, {"pricing.utilisation": 0.25}).figure("finetune_cost_usd")

    # Four times half an hour at 3.60, and at 1.80 and 7.20.
    assert paid.value == pytest.approx(7.2)
    assert (paid.at_low_price, paid.at_high_price) == (pytest.approx(3.6), pytest.approx(14.4))


# --- apis ------------------------------------------------------------------------------------


def test_an_api_costs_what_its_price_page_says(tmp_path: Path) -> None:
    # 300 tokens in at 0.2 and 100 out at 1.0: 160 over 400 tokens; 40e-6 USD a request.
    found = row(tmp_path, endpoint(), API)

    assert found.figure("split_usd_per_mtok_input").value == pytest.approx(0.2)
    assert found.figure("split_usd_per_mtok_output").value == pytest.approx(1.0)
    assert found.figure("blend_usd_per_mtok_3_1").value == pytest.approx(0.4)
    assert found.figure("bill_usd_per_mtok_total").value == pytest.approx(0.4)
    assert found.figure("bill_usd_per_mtok_total").source == "a price page"
    assert found.figure("cost_usd_per_1000_tasks").value == pytest.approx(0.04)


def test_an_apis_cached_price_is_used_where_its_list_has_one(tmp_path: Path) -> None:
    known = row(tmp_path / "a", endpoint(), CACHED_PRICE)
    unknown = row(tmp_path / "b", endpoint(), API)

    # 0.7 x 0.02 + 0.2 x 0.2 + 0.1 x 1
    assert known.figure("blend_usd_per_mtok_7_2_1").value == pytest.approx(0.154)
    assert "list gives none" in str(unknown.figure("blend_usd_per_mtok_7_2_1").reason)


def test_an_api_without_a_price_is_an_error_that_says_where_to_add_it(tmp_path: Path) -> None:
    with pytest.raises(FactError, match=r"no API price for tiny; add pricing\.apis\.tiny"):
        row(tmp_path, endpoint())


@pytest.mark.parametrize("key", ["energy_usd_per_mtok_output", "cost_usd_per_correct"])
def test_what_an_api_cannot_have_is_not_called_void_when_its_load_was_valid(
    tmp_path: Path, key: str
) -> None:
    found = row(tmp_path, endpoint(), API).figure(key)

    assert found.value is None
    assert found.reason
    assert not found.reason.startswith("void")
