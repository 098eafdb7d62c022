"""A saved view of the project: which panels answer which question. Needs `wandb-workspaces`.

The package is not among the dependencies; without it, and offline, docs/wandb.md says how to lay
out the same by hand.
"""

import importlib
from dataclasses import dataclass
from typing import Any, Literal

from harness.config.run import WandbTracking
from harness.errors import SetupError
from harness.track import session


@dataclass(frozen=True)
class Panel:
    """Lines of history over one metric, one summary figure against another, or bars of one."""

    kind: Literal["lines", "scatter", "bars"]
    title: str
    x: str
    y: tuple[str, ...]


NAME = "harness: models side by side"
GROUP_BY = ("model.name", "evidence")  # a model's imported figures never in one line with ours
PINNED = (
    "config:model.country", "config:hardware.gpu", "config:engine.version",
    "config:workload.name", "summary:output_tok_per_s", "summary:energy_j_per_output_tok",
    "summary:accuracy_en", "summary:status",
)  # fmt: skip
SECTIONS: dict[str, tuple[Panel, ...]] = {
    "Under load": (
        Panel("lines", "Output throughput (tok/s)", "open/offered_rps", ("open/output_tok_per_s",)),
        Panel("lines", "TTFT (s)", "open/offered_rps", ("open/ttft_p50_s", "open/ttft_p99_s")),
        Panel("lines", "ITL (s)", "open/offered_rps", ("open/itl_p50_s", "open/itl_p99_s")),
        Panel(
            "lines", "Output throughput (tok/s)", "closed/concurrency", ("closed/output_tok_per_s",)
        ),
    ),
    "Accuracy and energy": (
        Panel("scatter", "Throughput and accuracy", "output_tok_per_s", ("accuracy_en",)),
        Panel("bars", "Energy per output token (J)", "", ("energy_j_per_output_tok",)),
    ),
    "Fine-tuning": (
        Panel("lines", "Loss in training", "finetune/text_bytes", ("finetune/loss",)),
        Panel("lines", "Held-out loss", "finetune/text_bytes", ("finetune/heldout_loss",)),
        Panel("bars", "Gain in held-out accuracy", "", ("finetune_gain",)),
    ),
}


def save(tracking: WandbTracking) -> str:
    """Save the view in the project; its address.

    Raises SetupError without the package, without an entity, offline, or when W&B refuses.
    """
    try:
        views = importlib.import_module("wandb_workspaces.workspaces")
        panels = importlib.import_module("wandb_workspaces.reports.v2")
        expressions = importlib.import_module("wandb_workspaces.expr")
    except ImportError as error:
        raise SetupError(
            f"--workspace needs the package wandb-workspaces ({error}): pip install"
            " wandb-workspaces, or lay it out by hand as docs/wandb.md says"
        ) from error
    if session.mode(tracking) == "offline" or not tracking.entity:
        raise SetupError(
            "--workspace needs an account and --entity: set WANDB_API_KEY, or lay it out by hand"
            " as docs/wandb.md says"
        )
    view = views.Workspace(
        entity=tracking.entity,
        project=tracking.project,
        name=NAME,
        sections=[
            views.Section(name=name, panels=[_panel(panels, each) for each in laid], is_open=True)
            for name, laid in SECTIONS.items()
        ],
        runset_settings=views.RunsetSettings(
            groupby=[expressions.Config(name) for name in GROUP_BY], pinned_columns=list(PINNED)
        ),
    )
    try:
        view.save()
    except Exception as error:  # the account may not allow it; the package raises many types
        raise SetupError(f"--workspace: W&B refused: {error}") from error
    return str(view.url)


def _panel(panels: Any, panel: Panel) -> Any:
    if panel.kind == "lines":
        return panels.LinePlot(title=panel.title, x=panel.x, y=list(panel.y))
    if panel.kind == "scatter":
        return panels.ScatterPlot(
            title=panel.title,
            x=panels.SummaryMetric(panel.x),
            y=panels.SummaryMetric(panel.y[0]),
        )
    return panels.BarPlot(
        title=panel.title, metrics=[panels.SummaryMetric(name) for name in panel.y]
    )
