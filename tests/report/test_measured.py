"""harness.report.measured: a figure keeps its record; a missing or void one its reason."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from harness.records.schema import (
    Calibration,
    Cell,
    Latency,
    SearchResult,
)
from harness.stats import proportion
from tests.builders import (
    cell,
    client_figures,
    energy,
    estimate,
    failed_cell,
    level,
    score,
    server_figures,
    window,
)
from tests.report.judging import API, endpoint, row, scored, table

# --- load ------------------------------------------------------------------------------------


def test_a_cell_whose_every_level_is_void_has_no_figure_and_says_why(tmp_path: Path) -> None:
    levels = (level(name="c1", void=("errors: 12%",)), level(name="c8", void=("too slow",)))

    found = row(tmp_path, cell(levels=levels))

    for key in ("output_tok_per_s", "ttft_p50_s", "energy_j_per_answer", "mfu"):
        assert found.figure(key).value is None
        assert found.figure(key).reason == "void: errors: 12%; too slow"
    assert found.text("level") == "void: errors: 12%; too slow"
    assert found.text("void_levels") == "c1: errors: 12%; c8: too slow"


def test_void_levels_are_named_beside_valid_ones(tmp_path: Path) -> None:
    levels = (level(name="c1"), level(name="c8", void=("errors", "too slow")))

    found = row(tmp_path, cell(levels=levels))

    assert found.text("level") == "c1"
    assert found.text("void_levels") == "c8: errors, too slow"
    assert row(tmp_path / "b", cell()).text("void_levels") == "none of 1"


def test_a_failed_cell_keeps_its_row_with_stage_and_reason(tmp_path: Path) -> None:
    found = row(tmp_path, failed_cell())

    assert found.text("status") == "failed in serve: port is taken"
    assert found.figure("bill_usd_per_mtok_total").reason == "not measured: not reached"
    assert found.text("client") == "not measured: not reached"
    assert found.text("gate") == "clear"


def test_a_cpus_figures_are_marked_as_such(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    assert found.text("evidence") == "measured on a CPU, not what a GPU does"
    assert found.text("hardware") == "A Processor, 2 cores, no GPU"


def test_an_endpoints_figures_are_not_marked_as_this_machines(tmp_path: Path) -> None:
    found = row(tmp_path, endpoint(), API)

    assert found.text("hardware") == "endpoint, hardware unknown"
    assert found.text("evidence") == "measured at an endpoint, hardware not ours"


def test_a_percentile_of_too_few_requests_says_how_many_it_needs(tmp_path: Path) -> None:
    few = Latency(p50=estimate(0.5), p90=None, p99=None)

    found = row(tmp_path, cell(levels=(level(ttft_s=few),)))

    assert found.figure("ttft_p50_s").value == 0.5
    assert found.figure("ttft_p99_s").reason == "not measured: p99 needs 662 observations"


def search(**changes: Any) -> SearchResult:
    given: dict[str, Any] = {
        "objectives": "fast",
        "rate_rps": 4.0,
        "failed_rate_rps": 4.5,
        "probes": ("p1", "p2", "p4", "p8"),
        "ended": "the bracket is narrow",
    }
    return SearchResult(**given | changes)


def test_goodput_is_the_highest_rate_that_passed_with_its_bracket(tmp_path: Path) -> None:
    found = row(tmp_path, cell(searches=(search(),)))

    assert found.figure("goodput_rps").value == 4.0
    assert found.text("goodput_search") == (
        "fast: passed at 4/s, failed at 4.5/s, 4 probes; the bracket is narrow"
    )


def test_a_search_that_nothing_passed_has_no_goodput_instead_of_zero(tmp_path: Path) -> None:
    found = row(tmp_path, cell(searches=(search(rate_rps=None, failed_rate_rps=0.5),)))

    assert found.figure("goodput_rps").value is None
    assert str(found.figure("goodput_rps").reason).startswith(
        "not met: fast: no rate passed, failed at 0.5/s"
    )


# --- client ----------------------------------------------------------------------------------


def calibration(streams: int | None) -> Calibration:
    return Calibration(
        short=True,
        stamps="kernel",
        points=(),
        highest_streams_within_1_percent=streams,
    )


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (calibration(400), "client within 1% up to 400 streams"),
        (calibration(None), "client not within 1% at any load tried"),
        (None, "not calibrated on this machine"),
    ],
    ids=["good", "bad", "none"],
)
def test_the_client_says_who_stamped_how_late_it_read_and_what_it_is_good_for(
    tmp_path: Path, known: Calibration | None, said: str
) -> None:
    found = row(tmp_path, cell(calibration=known))

    assert found.text("client") == f"kernel stamps, read lag p99 0.1 ms, merged 2%, {said}"


def test_a_client_without_kernel_stamps_claims_no_lag_it_cannot_see(tmp_path: Path) -> None:
    blind = client_figures(stamps="user", read_lag_p99_s=None, merged_share=None)

    found = row(tmp_path, cell(levels=(level(client=blind),)))

    assert found.text("client") == "user stamps, not calibrated on this machine"


# --- energy ----------------------------------------------------------------------------------


def test_energy_by_hand(tmp_path: Path) -> None:
    # 720 J in 10 s over 100 tokens and 4 answers. A million tokens are 7.2e6 J = 2 kWh, at 0.36 USD
    # and 500 g each; an answer is 180 J = 5e-5 kWh.
    metered = energy(energy_j=720.0, source="rapl", window_s=10.0, idle_w=8.0)

    found = row(tmp_path, cell(levels=(level(energy=metered),)))

    assert found.figure("energy_j_per_output_tok").value == pytest.approx(7.2)
    assert found.figure("energy_j_per_answer").value == pytest.approx(180.0)
    assert found.figure("idle_power_w").value == 8.0
    assert found.figure("energy_usd_per_mtok_output").value == pytest.approx(0.72)
    assert found.figure("co2e_g_per_mtok_output").value == pytest.approx(1000.0)
    assert found.figure("co2e_g_per_answer").value == pytest.approx(0.025)


def test_energy_that_was_not_measured_keeps_its_reason(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    for key in (
        "energy_j_per_output_tok",
        "energy_j_per_answer",
        "idle_power_w",
        "energy_usd_per_mtok_output",
        "co2e_g_per_mtok_output",
        "co2e_g_per_answer",
    ):
        assert found.figure(key).value is None
        assert found.figure(key).reason == "not measured: this machine shows no RAPL counter"


def test_unknown_idle_power_beside_a_known_energy_does_not_name_the_counter_as_its_reason(
    tmp_path: Path,
) -> None:
    metered = energy(energy_j=720.0, source="nvml", window_s=10.0)

    found = row(tmp_path, cell(levels=(level(energy=metered),)))

    assert found.figure("energy_j_per_answer").value == pytest.approx(180.0)
    assert found.figure("idle_power_w").reason == "not measured: idle power was not measured"


def test_energy_without_an_answer_says_that_nothing_was_answered(tmp_path: Path) -> None:
    metered = energy(energy_j=720.0, source="nvml", window_s=10.0)
    silent = level(energy=metered, window=window(requests=0))

    found = row(tmp_path, cell(levels=(silent,)))

    assert found.figure("energy_j_per_answer").reason == "not measured: nothing was answered"


# --- accuracy --------------------------------------------------------------------------------


def test_a_score_keeps_its_interval_and_sample_size(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score())).figure("accuracy_maths")

    expected = proportion(40, 80)
    assert expected is not None
    assert (found.value, found.low, found.high, found.n) == (0.5, expected.low, expected.high, 80)


def test_a_void_score_shows_why_and_no_value(tmp_path: Path) -> None:
    void = score(value=None, stderr=None, void_reason="60 of 80 answers were cut")

    found = row(tmp_path, scored(void))

    assert found.figure("accuracy_maths").reason == "void: 60 of 80 answers were cut"
    assert found.figure("cost_usd_per_correct").value is None


def test_a_score_of_the_adapter_is_not_the_models(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score(adapter=True)))

    assert found.figure("accuracy_maths").value is None


def test_a_task_that_was_not_asked_says_so(tmp_path: Path) -> None:
    found = row(tmp_path, scored(score()))

    assert found.figure("accuracy_zh").reason == "not measured: not among the tasks"


def test_a_stage_that_was_off_says_so(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    assert found.figure("accuracy_en").reason == "not measured: switched off"
    assert found.figure("finetune_gain").reason == "not measured: switched off"
    assert found.figure("finetune_cost_usd").reason == "not measured: switched off"


# --- side by side ----------------------------------------------------------------------------


def repeat(number: int, rate: float) -> Cell:
    fast = level(output_tok_per_s=estimate(rate))
    return cell(f"tiny-chat-00000000000{number}", config={"repeat": number}, levels=(fast,))


def test_repeats_give_a_mean_with_a_t_interval_over_server_starts(tmp_path: Path) -> None:
    found = table(tmp_path, repeat(0, 9.0), repeat(1, 10.0), repeat(2, 11.0)).rows

    # Mean 10, standard deviation 1, t(2) = 4.3027: 4.3027 / sqrt(3) = 2.4841.
    for each in found:
        figure = each.figure("output_tok_per_s_restarts")
        assert (figure.value, figure.n) == (pytest.approx(10.0), 3)
        assert figure.low == pytest.approx(7.5159, abs=1e-4)
        assert figure.high == pytest.approx(12.4841, abs=1e-4)
    assert [each.text("repeats") for each in found] == [
        f"repeat {number}; 3 in this report, 3 with a valid c1" for number in range(3)
    ]


def test_another_model_is_no_repeat(tmp_path: Path) -> None:
    other = cell("other-chat-000000000001", config={"model.max_model_len": 512, "repeat": 1})

    for found in table(tmp_path, cell(), other).rows:
        assert found.figure("output_tok_per_s_restarts").value is None
        assert "1 in this report" in found.text("repeats")


def test_a_void_repeat_is_counted_and_not_averaged(tmp_path: Path) -> None:
    bad = cell("tiny-chat-000000000001", config={"repeat": 1}, levels=(level(void=("errors",)),))

    good, void = table(tmp_path, repeat(0, 9.0), bad).rows

    assert good.text("repeats") == "repeat 0; 2 in this report, 1 with a valid c1"
    assert good.figure("output_tok_per_s_restarts").value is None
    assert void.text("repeats") == "repeat 1; 2 in this report, no valid level in this one"
    assert void.figure("output_tok_per_s_restarts").reason == "void: errors"


def test_repeats_are_averaged_at_the_rows_own_headline_level(tmp_path: Path) -> None:
    # The first is best at c8, the second at c1: (20 + 6) / 2 at c8, (10 + 12) / 2 at c1.
    def both(number: int, c1: float, c8: float) -> Cell:
        levels = (
            level(name="c1", output_tok_per_s=estimate(c1)),
            level(name="c8", output_tok_per_s=estimate(c8)),
        )
        return repeat(number, c1).model_copy(update={"levels": levels})

    first, second = table(tmp_path, both(0, 10.0, 20.0), both(1, 12.0, 6.0)).rows

    assert (first.text("level"), second.text("level")) == ("c8", "c1")
    assert first.figure("output_tok_per_s_restarts").value == pytest.approx(13.0)
    assert second.figure("output_tok_per_s_restarts").value == pytest.approx(11.0)


def test_a_start_on_another_processor_is_no_repeat(tmp_path: Path) -> None:
    other = cell().environment | {"cpu": "Another Processor"}
    elsewhere = repeat(1, 11.0).model_copy(update={"environment": other})

    for found in table(tmp_path, repeat(0, 9.0), elsewhere).rows:
        assert "1 in this report" in found.text("repeats")
        assert found.figure("output_tok_per_s_restarts").value is None


def tuned(name: str, mfu: float | None, mbu: float | None, number: int) -> Cell:
    one = level(server=server_figures(mfu=mfu, mbu=mbu))
    return cell(f"{name}-chat-00000000000{number}", config={"model.name": name}, levels=(one,))


def test_models_far_apart_in_headroom_are_flagged_on_both_sides(tmp_path: Path) -> None:
    # max(MFU, MBU): 0.5 against 0.2, more than a factor of two; 0.3 is near both.
    cells = (tuned("a", 0.1, 0.5, 1), tuned("b", 0.2, 0.1, 2), tuned("c", 0.3, None, 3))

    good, poor, middle = (each.text("headroom") for each in table(tmp_path, *cells).rows)

    assert good.startswith("uses 50% of the nearer roof; FLAG")
    assert "from b (20%)" in good
    assert "from a (50%)" in poor
    assert middle == "uses 30% of the nearer roof"


def test_exactly_a_factor_of_two_is_not_flagged(tmp_path: Path) -> None:
    rows = table(tmp_path, tuned("a", 0.5, None, 1), tuned("b", 0.25, None, 2)).rows

    assert not any("FLAG" in each.text("headroom") for each in rows)


def test_headroom_that_is_not_known_says_why(tmp_path: Path) -> None:
    found = row(tmp_path, cell())

    assert found.text("headroom") == "not measured: the server tells no FLOPs"
    assert found.figure("mfu").reason == "not measured: the server tells no FLOPs"


def test_the_same_start_given_twice_is_no_repeat(tmp_path: Path) -> None:
    later = cell().started_at + dt.timedelta(hours=1)
    again = cell("tiny-chat-000000000002", started_at=later)

    both = table(tmp_path, cell(), again).rows[0]
    one = row(tmp_path / "one", cell())

    assert both.figure("output_tok_per_s_restarts").n == 2
    assert one.figure("output_tok_per_s_restarts").n is None


def test_a_level_without_steady_part_still_has_its_energy(tmp_path: Path) -> None:
    metered = energy(energy_j=720.0, source="rapl")

    whole = row(tmp_path / "a", cell(levels=(level(energy=metered, window=None),)))
    steady = row(tmp_path / "b", cell(levels=(level(energy=metered, window=window()),)))

    for found in (whole, steady):
        assert found.figure("energy_j_per_output_tok").value == pytest.approx(7.2)
