import sys

import pytest

from harness.config.run import WandbTracking
from harness.errors import SetupError
from harness.report.columns import BY_KEY
from harness.track import workspace
from tests.track.conftest import Offline

LINES = [p for laid in workspace.SECTIONS.values() for p in laid if p.kind == "lines"]
FIGURES = [p for laid in workspace.SECTIONS.values() for p in laid if p.kind != "lines"]


def test_every_line_is_of_a_metric_that_runs_have_against_the_axis_it_is_defined_on(
    measured: Offline,
) -> None:
    logged = {key for step in measured.history for key in step}
    for panel in LINES:
        assert {panel.x, *panel.y} <= logged
        for name in panel.y:
            assert measured.metrics[f"{name.split('/')[0]}/*"][0] == panel.x


def test_every_other_figure_is_a_column_of_the_summary() -> None:
    for panel in FIGURES:
        assert {*panel.y, *filter(None, [panel.x])} <= set(BY_KEY)


def test_columns_that_are_pinned_exist(measured: Offline) -> None:
    for name in (*workspace.PINNED, *(f"config:{key}" for key in workspace.GROUP_BY)):
        kind, _, key = name.partition(":")
        if kind == "config":
            group, _, field = key.partition(".")
            assert group in measured.config
            assert not field or field in measured.config[group]
        else:
            assert key in BY_KEY


def test_without_the_package_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb_workspaces", None)
    tracking = WandbTracking(kind="wandb", project="p", entity="e", mode="online")
    with pytest.raises(SetupError, match=r"pip install wandb-workspaces.*docs/wandb\.md"):
        workspace.save(tracking)
