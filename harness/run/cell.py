"""One cell, start to record. A failure is a record too, with its stage and reason."""

import datetime as dt
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from harness.accuracy import stage as accuracy_stage
from harness.accuracy.data import render
from harness.behaviour import stage as behaviour_stage
from harness.behaviour.ask import Place
from harness.config.behaviour import PairedBehaviour
from harness.config.identity import cell_id
from harness.config.run import (
    EndpointEngine,
    LmEvalAccuracy,
    LoraFinetune,
    RunConfig,
    TaskConfig,
    TelemetryOn,
)
from harness.config.workload import (
    LoadWorkload,
)
from harness.errors import HarnessError, MeasurementError, SetupError
from harness.fetch import cache_dir
from harness.finetune import stage as finetune_stage
from harness.load.drive import Target
from harness.load.prompts import Vocabulary
from harness.records import store
from harness.records.behaviour import Behaviour
from harness.records.schema import (
    Cell,
    Failure,
    FinetuneResult,
    Score,
    Stage,
    StageName,
    TextTokens,
)
from harness.run import environment
from harness.run.load import LoadStage
from harness.run.servers import Servers
from harness.serve import endpoint, tokenizer
from harness.serve.process import Server
from harness.serve.weights import Weights, prepare
from harness.telemetry.sampler import Sampler

STAGES: tuple[StageName, ...] = (
    "serve", "load", "telemetry", "accuracy", "behaviour", "finetune",
)  # fmt: skip
_ADAPTER = "finetuned"


class CellRun:
    """Runs the stages of one cell and keeps what each gave, so that a failure loses nothing."""

    def __init__(
        self,
        config: RunConfig,
        servers: Servers,
        say: Callable[[str], None],
        show: Callable[[str], None],
    ) -> None:
        self._config = config
        self._servers = servers
        self._say = say  # a status line that the next one replaces
        self._show = show  # a line that stays
        self._id = cell_id(config)
        self._work = store.begin(config.results_dir / config.sweep, self._id)
        self._stages: dict[StageName, Stage] = {
            name: Stage(status="not_reached") for name in STAGES
        }
        self._stage: StageName = "serve"
        self._load_stage: LoadStage | None = None
        self._texts: tuple[TextTokens, ...] = ()
        self._scores: list[Score] = []
        self._behaviour: Behaviour | None = None
        self._finetune: FinetuneResult | None = None
        self._telemetry: dict[str, str] = {}
        self._weights: Weights | None = None
        self._server: Server | None = None
        self._failure: Failure | None = None

    def run(self) -> Cell:
        """Run all stages and write the record, whatever happens.

        KeyboardInterrupt is recorded as `interrupted` and raised again; everything else becomes
        a record with status `failed`.
        """
        started = dt.datetime.now(dt.UTC)
        status = "done"
        try:
            self._run_stages()
        except KeyboardInterrupt as error:
            status = "interrupted"
            self._note_failure(error, "stopped by a signal")
            raise
        except (HarnessError, Exception, SystemExit) as error:
            # Any kind at all: a library that exits must not take the rest of the sweep with it.
            status = "failed"
            self._note_failure(error, str(error).strip() or repr(error))
        finally:
            cell = self._record(status, started)
            self._servers.copy_log(self._work / "server.log")
            store.commit(self._work, cell)
        return cell

    # --- stages ------------------------------------------------------------------------------

    def _run_stages(self) -> None:
        config = self._config
        adapter: finetune_stage.Adapter | None = None
        with self._timed("serve"):
            environment.check_hardware(config.hardware)
            if isinstance(config.engine, EndpointEngine):
                endpoint.check(config.engine)
            else:
                self._weights = prepare(config.model.source, self._say)
                self._texts = tokenizer.reference_tokens(self._weights.folder)
        if self._train_first():
            with self._timed("finetune"):
                adapter = self._train()
        with self._timed("serve"):
            self._server = self._serve()
        self._load()
        if isinstance(config.accuracy, LmEvalAccuracy):
            with self._timed("accuracy"):
                self._scores += accuracy_stage.evaluate(
                    self._subject(), config.accuracy, self._work / "accuracy", say=self._say
                )
                if self._server:
                    self._server.check_alive()
                self._show_scores()
        else:
            self._off("accuracy")
        if isinstance(config.behaviour, PairedBehaviour):
            with self._timed("behaviour"):
                self._behaviour = self._probe(config.behaviour)
        else:
            self._off("behaviour")
        if isinstance(config.finetune, LoraFinetune):
            with self._timed("finetune"):
                self._finetune = self._score_adapter(adapter or self._train())
        else:
            self._off("finetune")
        if self._server:
            self._server.check_alive()

    def _probe(self, behaviour: PairedBehaviour) -> Behaviour:
        target = self._target()
        found = behaviour_stage.evaluate(
            behaviour,
            Place(
                base_url=target.url,
                model=target.model,
                api_key=target.api_key,
                max_tokens=behaviour.max_tokens,
                num_concurrent=behaviour.num_concurrent,
                max_retries=behaviour.max_retries,
                timeout_s=behaviour.request_timeout_s,
                chat_template_kwargs=dict(behaviour.chat_template_kwargs),
                seed=self._config.seed,
            ),
            self._work / "behaviour",
            say=self._say,
        )
        if self._server:
            self._server.check_alive()
        self._show(f"behaviour: {found.note}")
        return found

    def _train_first(self) -> bool:
        engine = self._config.engine
        return (
            isinstance(self._config.finetune, LoraFinetune)
            and not isinstance(engine, EndpointEngine)
            and not engine.train_beside_server
        )

    def _serve(self) -> Server | None:
        if self._weights is None:
            return None
        logs = self._work.parent / "logs"  # a kept server outlives the cell that started it
        kept = self._servers.current
        server = self._servers.get(self._config, self._weights, logs / f"{self._id}.log", self._say)
        self._show(
            "server kept from the cell before"
            if server is kept
            else f"server ready after {server.ready_s:.0f} s, dtype {server.command.dtype}"
        )
        return server

    def _load(self) -> None:
        config = self._config
        if not isinstance(config.workload, LoadWorkload):
            self._off("load", "telemetry")
            return
        target = self._target()
        sampling = config.telemetry if isinstance(config.telemetry, TelemetryOn) else None
        sampler = (
            Sampler(sampling.interval_s, target.url, self._gpus(), self._no_energy())
            if sampling
            else None
        )
        folder = self._weights.folder if self._weights else None
        self._load_stage = stage = LoadStage(
            config=config,
            target=target,
            vocabulary=Vocabulary(tokenizer.ordinary_token_ids(folder) if folder else None),
            count_tokens=tokenizer.counter(folder) if folder else None,
            server=self._server,
            sampler=sampler,
            idle_s=sampling.idle_s if sampling else 0.0,
            say=self._say,
            show=self._show,
        )
        try:
            with self._timed("load"), sampler or nullcontext():
                stage.calibrate()
                stage.run()
        finally:
            store.write_table(self._work / "requests.parquet", stage.rows)
            if sampler:
                self._keep_telemetry(sampler)
            else:
                self._off("telemetry")

    def _keep_telemetry(self, sampler: Sampler) -> None:
        store.write_table(self._work / "telemetry.parquet", sampler.hardware_rows)
        store.write_table(self._work / "server_metrics.parquet", sampler.server_rows)
        self._telemetry = sampler.states()
        missing = {k: v for k, v in self._telemetry.items() if v != "measured"}
        measured = any(v.startswith("measured") for v in self._telemetry.values())
        self._stages["telemetry"] = Stage(
            status="done" if measured else "failed",
            reason="; ".join(f"{k} {v}" for k, v in missing.items()) or None,
        )

    def _train(self) -> finetune_stage.Adapter:
        config = self._config
        assert isinstance(config.finetune, LoraFinetune)
        assert self._weights
        return finetune_stage.train(
            config.finetune,
            self._weights.folder,
            self._work / "finetune",
            dtype=self._training_dtype(),
            gpu=config.hardware.kind == "gpu",
            seed=config.seed,
            trust_remote_code=config.model.trust_remote_code,
            say=self._say,
        )

    def _training_dtype(self) -> str:
        dtype = self._servers.command(self._config, self._weights).dtype
        return "bfloat16" if dtype == "auto" else dtype

    def _score_adapter(self, adapter: finetune_stage.Adapter) -> FinetuneResult:
        """Serve the adapter beside its base and score both on the held-out examples."""
        assert self._server
        assert isinstance(self._config.finetune, LoraFinetune)
        task = render(
            self._config.finetune.task,
            {"DATA": finetune_stage.heldout_rows(adapter.split)},
            0,
            "en",
            ("acc",),
            adapter.split.sha256,
        )
        out = self._work / "finetune"
        self._server.load_adapter(_ADAPTER, adapter.folder.resolve())
        try:
            before, after = (
                accuracy_stage.evaluate(
                    subject,
                    self._heldout_settings(),
                    out / f"scored-{name}",
                    extra=[(task, TaskConfig())],
                    say=self._say,
                )[0]
                for name, subject in (
                    ("base", self._subject()),
                    ("adapter", self._subject(adapter)),
                )
            )
        finally:
            if self._server.process.returncode() is None:
                self._server.unload_adapter(_ADAPTER)
        self._scores += [before, after]
        if before.value is None or after.value is None:
            raise MeasurementError(
                f"held-out scoring gave no figure: {before.void_reason or after.void_reason}"
            )
        changed = _loglikelihoods(out / "scored-base", task.name) != _loglikelihoods(
            out / "scored-adapter", task.name
        )
        if not changed:
            raise MeasurementError(
                "the served adapter answers exactly like its base: the server ignores it"
            )
        self._show(
            f"fine-tuning: held-out accuracy {before.value.value:.2f} -> {after.value.value:.2f}"
            f" in {adapter.figures['seconds']:.0f} s"
        )
        figures = {k: v for k, v in adapter.figures.items() if k != "curve"}
        return FinetuneResult(
            task=self._config.finetune.task,
            train_examples=len(adapter.split.train),
            heldout_examples=len(adapter.split.heldout),
            train_completion_bytes=sum(
                len(example.completion.encode()) for example in adapter.split.train
            )
            * self._config.finetune.epochs,
            dtype=self._training_dtype(),
            accuracy_before=before.value,
            accuracy_after=after.value,
            adapter_changed_logprobs=changed,
            adapter_sha256=adapter.sha256,
            **figures,
        )

    # --- small things ------------------------------------------------------------------------

    def _heldout_settings(self) -> LmEvalAccuracy:
        """How the held-out examples are asked: as trained, without a chat template."""
        return LmEvalAccuracy(
            kind="lm_eval",
            tasks={"review_sentiment": TaskConfig()},
            from_hub=False,
            apply_chat_template=False,
            num_concurrent=8,
            max_cut_share=0.0,
            max_empty_share=0.0,
        )

    def _gpus(self) -> tuple[int, ...]:
        """NVML's numbers of the GPUs that our server uses."""
        model = self._config.model
        if self._server is None or self._config.hardware.kind != "gpu":
            return ()
        return environment.visible_gpus()[
            : model.tensor_parallel_size * model.pipeline_parallel_size
        ]

    def _no_energy(self) -> str | None:
        """Why the counters of this machine do not show the energy of the work; None: they do."""
        if self._server is None:
            return "the server runs elsewhere"
        if self._config.hardware.kind == "gpu" and not self._gpus():
            return "CUDA_VISIBLE_DEVICES names no GPU that NVML knows"
        return None

    def _target(self) -> Target:
        engine = self._config.engine
        if isinstance(engine, EndpointEngine):
            return Target(engine.base_url, engine.served_model, endpoint.api_key(engine))
        assert self._server
        return Target(self._server.base_url, self._server.model)

    def _subject(self, adapter: finetune_stage.Adapter | None = None) -> accuracy_stage.Subject:
        config = self._config
        engine = config.engine
        if isinstance(engine, EndpointEngine):
            raise SetupError(
                "accuracy at an endpoint needs a tokenizer folder, which is not supported yet;"
                " use accuracy=none"
            )
        assert self._server
        assert self._weights
        dtype = self._served_dtype()
        version = self._server.settings.get("version")
        identity = f"{self._weights.content_id}/{engine.kind}/{version}/{dtype}"
        return accuracy_stage.Subject(
            base_url=self._server.base_url,
            model=_ADAPTER if adapter else self._server.model,
            tokenizer=str(self._weights.folder),
            dtype=dtype,
            identity=f"{identity}/{adapter.sha256}" if adapter else identity,
            adapter=adapter is not None,
            max_model_len=config.model.max_model_len,
            add_bos=config.model.add_bos,
        )

    def _served_dtype(self) -> str:
        assert self._server
        return self._server.dtype

    def _show_scores(self) -> None:
        for score in self._scores:
            if score.value is None:
                self._show(f"{score.task} {score.metric}: void, {score.void_reason}")
            else:
                self._show(
                    f"{score.task} {score.metric}: {score.value.value:.3f}"
                    f" (n={score.value.n}, stderr {score.stderr or 0:.3f})"
                )

    @contextmanager
    def _timed(self, name: StageName) -> Iterator[None]:
        self._stage = name
        began = time.monotonic()
        spent = self._stages[name].seconds or 0.0
        yield
        self._stages[name] = Stage(status="done", seconds=spent + time.monotonic() - began)

    def _off(self, *names: StageName) -> None:
        for name in names:
            self._stages[name] = Stage(status="off")

    def _note_failure(self, error: BaseException, reason: str) -> None:
        tail = self._servers.log_tail()
        if self._server and not isinstance(error, KeyboardInterrupt):
            # Its port is closed before the last of its processes has ended.
            dead = not self._server.healthy()
            if dead and "the server died" not in reason:
                reason = f"the server died during {self._stage}; {reason}"
        self._failure = Failure(
            stage=self._stage,
            kind=type(error).__name__,
            reason=_portable(reason),
            log_tail=tuple(_portable(line) for line in tail),
        )
        self._stages[self._stage] = Stage(status="failed", reason=_portable(reason))

    def _record(self, status: Any, started: dt.datetime) -> Cell:
        server: dict[str, Any] = {}
        load = self._load_stage
        if self._server:
            running = {
                "argv": list(self._server.command.argv),
                "env": self._server.command.env,
                "dtype": self._server.dtype,
                "ready_s": self._server.ready_s,
                "settings": self._server.settings,
            }
            server = json.loads(_portable(json.dumps(running)))
        weights = (
            {"content_id": self._weights.content_id, "provenance": self._weights.provenance}
            if self._weights
            else {}
        )
        return Cell(
            cell_id=self._id,
            sweep=self._config.sweep,
            status=status,
            started_at=started,
            ended_at=dt.datetime.now(dt.UTC),
            config=json.loads(self._config.model_dump_json()),
            environment=environment.describe(),
            server=server,
            weights=weights,
            cpu_only=self._config.hardware.kind == "cpu" and self._config.engine.kind != "endpoint",
            stages=self._stages,
            failure=self._failure,
            calibration=load.calibration if load else None,
            levels=tuple(load.levels) if load else (),
            searches=tuple(load.searches) if load else (),
            texts=self._texts,
            scores=tuple(self._scores),
            behaviour=self._behaviour,
            finetune=self._finetune,
            telemetry=self._telemetry,
        )


def _portable(text: str) -> str:
    """Without this machine's folders: a record goes to other people."""
    places = ((sys.executable, "python"), (str(cache_dir()), "$HARNESS_CACHE"))
    for place, name in (*places, (str(Path.cwd()), "."), (str(Path.home()), "~")):
        text = text.replace(place, name)
    return text


def _loglikelihoods(folder: Path, task: str) -> list[Any]:
    path = folder / f"samples-{task}.jsonl"
    return [json.loads(line)["resps"] for line in path.read_text("utf-8").splitlines()]
