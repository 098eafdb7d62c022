"""A sweep: which cells are done, failed or due; run the due ones; keep a server between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.accuracy.stage import check_tasks
from harness.behaviour import stage as behaviour
from harness.config.behaviour import PairedBehaviour
from harness.config.identity import cell_id, measured
from harness.config.run import (
    EndpointEngine,
    LmEvalAccuracy,
    LoraFinetune,
    Off,
    RunConfig,
)
from harness.config.workload import (
    FixedOutput,
    LoadWorkload,
    Objectives,
    SearchLevel,
    SharedPrefixPrompts,
    SyntheticPrompts,
    TraceLevel,
)
from harness.errors import ConfigError
from harness.finetune import data as finetune_data
from harness.load import plan as load_plan
from harness.load import search, trace
from harness.records import store
from harness.records.schema import Cell
from harness.run.cell import CellRun
from harness.run.servers import Servers

# Rough figures for an estimate, never for a result. Tokens of an accuracy item: measured means of
# the shipped tasks over two tokenizers (four choices each repeat the prompt), 2026-11.
_TOKENS_PER_ITEM = {"hellaswag_100": 280, "gsm8k_100": 600, "exam_zh": 500}
_TOKENS_PER_UNKNOWN_ITEM = 1000
_TOKENS_PER_EXAMPLE = 30
_TOKENS_PER_PROBE = 60  # of a question with its chat template
_CPU_TFLOPS = 0.09  # measured on two AVX2 cores in float32, 2026-11
_GPU_EFFICIENCY = 0.2  # of peak dense bf16, mixed prefill and decode; an assumption


@dataclass(frozen=True)
class Estimate:
    """What a cell will roughly take."""

    tokens: int
    minutes: float


@dataclass(frozen=True)
class Entry:
    """One line of the plan."""

    cell_id: str
    config: RunConfig
    status: str
    stages: tuple[str, ...]
    command: tuple[str, ...]
    env: dict[str, str]
    estimate: Estimate


def sweep_dir(config: RunConfig) -> Path:
    """The sweep's folder."""
    return config.results_dir / config.sweep


def plan(configs: Sequence[RunConfig]) -> list[Entry]:
    """The plan of a sweep. Raises ConfigError for what only shows across parts or data."""
    problems: dict[str, None] = {}
    entries: dict[str, Entry] = {}
    for config in configs:
        try:
            if isinstance(config.accuracy, LmEvalAccuracy):
                check_tasks(config.accuracy)
            if isinstance(config.behaviour, PairedBehaviour):
                behaviour.check(config.behaviour)
            if isinstance(config.workload, LoadWorkload):
                load_plan.check(config.workload, config.seed, config.model.max_model_len)
                _check_searches(config.workload, config.objectives)
            if isinstance(config.finetune, LoraFinetune):
                finetune_data.load(config.finetune.train_examples, config.finetune.heldout_examples)
        except ConfigError as error:
            problems[str(error)] = None
            continue
        entry = _entry(config)
        entries[entry.cell_id] = entry
    if problems:
        raise ConfigError("\n".join(problems))
    return list(entries.values())


class Sweep:
    """Runs planned cells one by one; use as a context manager, so that no server is left."""

    def __init__(
        self,
        entries: Sequence[Entry],
        say: Callable[[str], None] = lambda _: None,
        show: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._due = [entry for entry in entries if entry.status != "done"]
        self._servers = Servers()
        self._say = say
        self._show = show

    def __enter__(self) -> "Sweep":
        return self

    def __exit__(self, *_: object) -> None:
        self._servers.stop()

    def run(self, config: RunConfig) -> Cell | None:
        """Run one cell unless its record says that it is done; None for a skipped one.

        The server goes on running if the next due cell needs the same one.
        """
        name = cell_id(config)
        if store.status(sweep_dir(config), name) == "done":
            self._show(f"{name}: done before, skipped")
            return None
        self._show(f"{name}: starting")
        try:
            cell = CellRun(config, self._servers, self._say, self._show).run()
        except BaseException:
            self._servers.stop()
            raise
        self._due = [entry for entry in self._due if entry.cell_id != name]
        failed = cell.status != "done"  # whatever went wrong, the next cell starts afresh
        if failed or not self._due or not _same_server(config, self._due[0].config):
            self._servers.stop()
        return cell


def _same_server(one: RunConfig, other: RunConfig) -> bool:
    def needs(config: RunConfig) -> tuple[object, ...]:
        lora = isinstance(config.finetune, LoraFinetune)
        return measured(config.model), measured(config.engine), lora, config.repeat

    return needs(one) == needs(other)


def _entry(config: RunConfig) -> Entry:
    stages = ["serve"]
    stages += ["load"] if isinstance(config.workload, LoadWorkload) else []
    stages += ["telemetry"] if config.telemetry.kind != "none" and "load" in stages else []
    stages += ["accuracy"] if isinstance(config.accuracy, LmEvalAccuracy) else []
    stages += ["behaviour"] if isinstance(config.behaviour, PairedBehaviour) else []
    stages += ["finetune"] if isinstance(config.finetune, LoraFinetune) else []
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
    if not isinstance(config.engine, EndpointEngine):
        made = Servers().command(config, None)
        command, env = made.argv, made.env
    name = cell_id(config)
    return Entry(
        cell_id=name,
        config=config,
        status=store.status(sweep_dir(config), name),
        stages=tuple(stages),
        command=command,
        env=env,
        estimate=estimate(config),
    )


def estimate(config: RunConfig) -> Estimate:
    """Tokens through the model and minutes at a rough speed: 2 FLOP a token and parameter."""
    inference = training = 0
    if isinstance(config.workload, LoadWorkload):
        inference += _load_tokens(config.workload)
    if isinstance(config.accuracy, LmEvalAccuracy):
        for name, task in config.accuracy.tasks.items():
            inference += (task.limit or 100) * _TOKENS_PER_ITEM.get(name, _TOKENS_PER_UNKNOWN_ITEM)
    if isinstance(config.behaviour, PairedBehaviour):
        inference += behaviour.asked(config.behaviour) * (
            _TOKENS_PER_PROBE + config.behaviour.max_tokens
        )
    if isinstance(config.finetune, LoraFinetune):
        tune = config.finetune
        training += tune.train_examples * tune.epochs * _TOKENS_PER_EXAMPLE
        inference += 4 * tune.heldout_examples * _TOKENS_PER_EXAMPLE
    active = (config.model.active_parameters or config.model.parameters).value
    hardware = config.hardware
    if hardware.kind == "gpu" and hardware.peak_dense_bf16_tflops:
        gpus = config.model.tensor_parallel_size * config.model.pipeline_parallel_size
        tflops = hardware.peak_dense_bf16_tflops.value * gpus * _GPU_EFFICIENCY
    else:
        tflops = _CPU_TFLOPS
    # Backward costs twice the forward pass, also with adapters, less the frozen weights' gradients.
    flop = 2.0 * active * (inference + 2 * training)
    return Estimate(tokens=inference + training, minutes=1.5 + flop / (tflops * 1e12) / 60)


def _check_searches(workload: LoadWorkload, objectives: Objectives | Off) -> None:
    for level in workload.levels:
        if isinstance(level, SearchLevel) and isinstance(objectives, Objectives):
            search.check(level, objectives)


def _load_tokens(workload: LoadWorkload) -> int:
    """Input and output tokens of all levels, warm-ups included; text counts as 40 tokens."""
    prompts, output = workload.prompts, workload.output
    prefix, given = 0, 40
    if isinstance(prompts, SyntheticPrompts):
        given = prompts.input_tokens
    elif isinstance(prompts, SharedPrefixPrompts):
        prefix, given = prompts.prefix_tokens, prompts.unique_tokens
    asked = output.tokens if isinstance(output, FixedOutput) else output.max_tokens
    total = 0
    for level in workload.levels:
        if isinstance(level, TraceLevel):
            total += sum(row.input_tokens + row.output_tokens for row in trace.read(level))
            continue
        probes = 1 if not isinstance(level, SearchLevel) else level.max_probes
        own_given, own_asked = given, asked
        if not isinstance(level, SearchLevel):
            own_given, own_asked = level.input_tokens or given, level.output_tokens or asked
        requests = (level.requests + workload.warmup_requests) * probes
        total += requests * (prefix + own_given + own_asked)
    return total
