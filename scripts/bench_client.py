#!/usr/bin/env python3
"""The load generator against a server that stamps its own send times, beside other clients.

Usage: .venv/bin/python scripts/bench_client.py [--out FILE] [--only PART ...]
           [--tokenizer FOLDER] [--guidellm PROGRAM]

Prints what each part measured, in one run on this machine, and whether the stated bars hold. Times
are of this machine; the ratios are what carries over. Parts:

events   error of each event's time, quiet and with both cores busy
clients  mean TTFT of this client, of vLLM's own and of guidellm, on the stamping server
many     2,000 streams on two processes
open     500 requests a second for 30 s
real     this client and vLLM's own on a real vLLM server on the CPU
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from scipy import stats

from harness.config import load
from harness.config.run import VllmCpuEngine
from harness.config.workload import ClientConfig, ClosedLevel, FixedOutput, Limits, LoadWorkload
from harness.load import arrivals, calibrate, metrics, steady
from harness.load.clock import WallClock
from harness.load.drive import Generator, LevelRun, Target
from harness.load.plan import Plan, Prompt, Session, plan_level
from harness.load.prompts import Vocabulary
from harness.records.schema import Energy, Level, ServerFigures
from harness.run.servers import Servers
from harness.serve import process, tokenizer
from harness.serve.weights import prepare
from harness.telemetry import prometheus

STREAMS, ROUNDS = 400, 3
TOKENS = 64
REAL_STREAMS = 8
REAL: dict[str, Any] = {
    "kind": "load",
    "name": "bench",
    "prompts": {"kind": "synthetic", "input_tokens": 100},
    "output": {"kind": "fixed", "tokens": 32},
    "levels": [{"kind": "closed", "concurrency": REAL_STREAMS, "requests": 48}],
    "warmup_requests": 1,
    "request_timeout_s": 300.0,
    "ramp_s": 0.0,
}
PROMPT = Prompt(text=" ".join(["word"] * 20))
RUN_VLLM = (
    "import argparse; from vllm.benchmarks.serve import add_cli_args, main;"
    " from vllm.utils.argparse_utils import FlexibleArgumentParser as P;"
    " p = P(); add_cli_args(p); main(p.parse_args())"
)


def say(text: str) -> None:
    print(text, flush=True)


def bar(text: str, value: float, limit: float, below: bool = True) -> dict[str, Any]:
    """One line of the verdict."""
    held = value < limit if below else value >= limit
    word = "below" if below else "at least"
    say(f"  {'ok  ' if held else 'MISS'} {text}: {value:.4g} ({word} {limit:g})")
    return {"bar": text, "value": value, "limit": limit, "held": held}


@contextmanager
def busy_cores() -> Iterator[None]:
    """One process on each core that computes without a pause."""
    workers = [
        multiprocessing.Process(target=_burn, args=(core,), daemon=True)
        for core in os.sched_getaffinity(0)
    ]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.join()


def _burn(core: int) -> None:
    os.sched_setaffinity(0, {core})
    while True:
        sum(range(100_000))


def events(_: argparse.Namespace) -> list[dict[str, Any]]:
    """Error per event at 400 and 1,000 streams, quiet and busy."""
    found = []
    for name, state in (("quiet", None), ("both cores busy", busy_cores)):
        if state is None:
            points = calibrate.calibrate(ClientConfig(), [STREAMS, 1000], False).points
        else:
            with state():
                points = calibrate.calibrate(ClientConfig(), [STREAMS, 1000], False).points
        for p in points:
            where = f"{p.streams} streams, {name}"
            say(
                f"{where}: kernel p50 {p.event_error_p50_s * 1e3:.4f} ms, p99"
                f" {p.event_error_p99_s * 1e3:.4f} ms; own clock p99 {p.user_error_p99_s * 1e3:.3f}"
                f" ms; merged {p.merged_share:.3f}, within their bounds"
                f" {p.bounds_hold_share}; {p.sent_tok_per_s:.0f} tok/s sent"
            )
            off = abs(p.seen_tok_per_s / p.sent_tok_per_s - 1)
            found += [
                bar(f"{where}: median error, ms", p.event_error_p50_s * 1e3, 0.05),
                bar(f"{where}: p99 error, ms", p.event_error_p99_s * 1e3, 0.2),
                bar(f"{where}: throughput off by, share", off, 0.01),
                bar(f"{where}: CPU a token, us", p.cpu_us_per_event, 20.0),
            ]
    return found


def clients(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Mean TTFT and throughput at 400 streams: truth, this client, vLLM's, guidellm."""
    found: list[dict[str, Any]] = []
    with calibrate.stamping_server() as url:
        run = _run(url, _closed(STREAMS), processes=1)
        error, truth = _ttft_error(run)
        say(f"this client: mean TTFT error {error * 1e3:.4f} ms of {truth * 1e3:.2f} ms")
        others = {"vllm bench serve": lambda: _vllm_bench(given.tokenizer, url)}
        if given.guidellm:
            others["guidellm"] = lambda: _guidellm(given.guidellm, given.tokenizer, url)
        else:
            say("guidellm: not measured; give its program with --guidellm")
        for name, measure in others.items():
            httpx.get(f"{url}/lag")
            theirs = measure()
            # How late the server itself was is not the client's error.
            late_s = httpx.get(f"{url}/lag").json()["first_mean_s"]
            off_s = theirs["mean_ttft_ms"] / 1e3 - calibrate.TTFT_S - late_s
            say(
                f"{name}: mean TTFT {theirs['mean_ttft_ms']:.1f} ms, true"
                f" {(calibrate.TTFT_S + late_s) * 1e3:.1f} ms;"
                f" {theirs['output_throughput']:.0f} tok/s"
            )
            ratio = off_s / max(abs(error), 1e-9)
            found.append(bar(f"{name}: mean TTFT error over ours", ratio, 100, below=False))
    return found


def many(_: argparse.Namespace) -> list[dict[str, Any]]:
    """2,000 streams of ten tokens a second on two processes."""
    slow = _server(itl_s=0.1)
    try:
        url = _url(slow)
        plan = _closed(2000, ramp_s=7.0)
        level = _level(plan, _run(url, plan, processes=2))
    finally:
        _end(slow)
    say(f"2,000 streams: {level.output_tok_per_s}; void: {level.void or 'no'}")
    say(f"  {level.client}")
    return [bar("2,000 streams: reasons to be void", len(level.void), 1)]


def open_loop(_: argparse.Namespace) -> list[dict[str, Any]]:
    """500 requests a second for 30 s from two processes: rate and distribution of the gaps."""
    rate, seconds = 500.0, 30
    due = arrivals.schedule(rate, int(rate * seconds), "poisson", "bench")
    output = FixedOutput(kind="fixed", tokens=8)
    sessions = [Session((PROMPT,), output, due_s=moment) for moment in due]
    plan = Plan("open", "open", sessions, sessions[:2], None, rate, None, None, 8, 0.0)
    with calibrate.stamping_server() as url:
        run = _run(url, plan, processes=2)
    sent = np.sort([request.sent_s for request in run.requests])
    wanted = (len(due) - 1) / (due[-1] - due[0])
    delivered = (len(sent) - 1) / (sent[-1] - sent[0])
    ks = stats.kstest(np.diff(sent), "expon", args=(0, 1 / rate))
    lag = np.quantile([r.sent_s - r.scheduled_s for r in run.requests], [0.5, 0.99])
    say(
        f"open loop: lag p50 {lag[0] * 1e6:.0f} us, p99 {lag[1] * 1e6:.0f} us; KS p {ks.pvalue:.3f}"
    )
    return [
        bar("open loop: delivered rate off by, share", abs(delivered / wanted - 1), 0.01),
        bar("open loop: KS test against the exponential, p", ks.pvalue, 0.01, below=False),
        bar("open loop: failed requests", sum(not r.ok for r in run.requests), 1),
    ]


def real(_: argparse.Namespace) -> list[dict[str, Any]]:
    """This client and vLLM's on one real vLLM server on the CPU, three times each in turn."""
    [cell] = load.plan(
        ["model=smollm2_135m", "engine.max_num_seqs=8"], multirun=False, config_dir=None
    )
    config = cell.config
    assert isinstance(config.engine, VllmCpuEngine)
    weights = prepare(config.model.source, say)
    port = process.free_port()
    command = Servers().command(config, weights, port)
    plan = plan_level(
        LoadWorkload.model_validate_json(json.dumps(REAL)),
        ClosedLevel.model_validate(REAL["levels"][0]),
        Vocabulary(tokenizer.ordinary_token_ids(weights.folder)),
        0,
    )
    ours, theirs, exact = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        server = process.start(
            command, port=port, model=config.model.name, log=Path(folder, "server.log"),
            startup_timeout_s=600.0, stop_timeout_s=20.0,
        )  # fmt: skip
        try:
            for _ in range(3):
                server.reset_prefix_cache()
                before = prometheus.Page(server.base_url).read()
                run = _run(server.base_url, plan, processes=1, model=config.model.name)
                after = prometheus.Page(server.base_url).read()
                assert before
                assert after
                name = prometheus.OUTPUT_TOKENS
                tokens = sum(r.output_tokens or 0 for r in run.requests)
                counted = after[name] - before[name]
                exact.append(counted - tokens - REAL["output"]["tokens"])  # one warm-up answer
                span = steady.whole(run.requests)
                ours.append(tokens / span.length_s)
                server.reset_prefix_cache()
                theirs.append(
                    _vllm_bench(
                        str(weights.folder), server.base_url, config.model.name, REAL_STREAMS,
                        len(plan.sessions), 100, REAL["output"]["tokens"],
                    )["output_throughput"]
                )  # fmt: skip
        finally:
            server.stop()
    say(f"real vLLM: ours {ours}, vllm bench serve {theirs} output tok/s")
    off = abs(np.mean(ours) / np.mean(theirs) - 1)
    return [
        bar("real vLLM: throughput against vllm bench serve, off by", float(off), 0.03),
        bar("real vLLM: tokens that client and server count differently", max(map(abs, exact)), 1),
    ]


# --- runs ----------------------------------------------------------------------------------------


def _closed(streams: int, ramp_s: float | None = None) -> Plan:
    session = Session((PROMPT,), FixedOutput(kind="fixed", tokens=TOKENS))
    return Plan(
        f"c{streams}", "closed", [session] * (streams * ROUNDS), [session], streams, None, ramp_s,
        None, TOKENS, 0.0,
    )  # fmt: skip


def _run(url: str, plan: Plan, processes: int, model: str = "stamped") -> LevelRun:
    with Generator(
        Target(url, model), ClientConfig(), processes=processes, timeout_s=60.0
    ) as generator:
        time.sleep(1)
        return generator.run(plan)


def _level(plan: Plan, run: LevelRun) -> Level:
    return metrics.summarise(
        plan, run.requests, run.client, ServerFigures(),
        Energy(energy_j=None, source="not measured"), Limits(), None,
    )  # fmt: skip


def _ttft_error(run: LevelRun) -> tuple[float, float]:
    clock = WallClock()
    clock.read()
    offset = clock.offset_ns()
    first = [(r, (int(r.token_text[0]) - offset) / 1e9) for r in run.requests if r.ok]
    errors = [(r.token_low_s[0] + r.token_high_s[0]) / 2 - sent for r, sent in first]
    return float(np.mean(errors)), float(np.mean([sent - r.sent_s for r, sent in first]))


def _vllm_bench(
    tokenizer: str,
    url: str,
    model: str = "stamped",
    streams: int = STREAMS,
    requests: int = STREAMS * ROUNDS,
    given: int = 20,
    asked: int = TOKENS,
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        words = ["--backend", "openai", "--base-url", url, "--model", model]
        words += ["--tokenizer", tokenizer, "--dataset-name", "random", "--input-len", str(given)]
        words += ["--output-len", str(asked), "--ignore-eos", "--temperature", "0"]
        words += ["--disable-tqdm", "--save-result"]
        words += ["--max-concurrency", str(streams), "--num-prompts", str(requests)]
        words += ["--result-dir", folder, "--result-filename", "result.json"]
        done = subprocess.run(
            [sys.executable, "-c", RUN_VLLM, *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"vllm bench serve failed:\n{done.stderr[-2000:]}")
        result: dict[str, Any] = json.loads(Path(folder, "result.json").read_text())
        return result


def _guidellm(program: str, tokenizer: str, url: str) -> dict[str, float]:
    """Mean TTFT (ms) and output tokens per second as guidellm reports them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        words = [program, "run", "--disable-console", "--output", f"kind=json,path={path}"]
        words += ["--backend"]
        words += [f"kind=openai_http,target={url},model=stamped,request_format=/v1/completions"]
        words += ["--profile", f"kind=concurrent,streams={STREAMS}"]
        words += ["--constraint", f"kind=max_requests,count={STREAMS * ROUNDS}"]
        words += ["--tokenizer", f"kind=huggingface_auto,model={tokenizer}"]
        words += ["--data", f"kind=synthetic_text,prompt_tokens=20,output_tokens={TOKENS}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"guidellm failed:\n{done.stderr[-2000:]}")
        metrics = json.loads(path.read_text())["benchmarks"][0]["metrics"]
        return {
            "mean_ttft_ms": metrics["time_to_first_token_ms"]["successful"]["mean"],
            "output_throughput": metrics["output_tokens_per_second"]["successful"]["mean"],
        }


def _server(itl_s: float) -> subprocess.Popen[bytes]:
    schedule = ["--ttft-s", str(calibrate.TTFT_S), "--itl-s", str(itl_s), "--port", "0"]
    return subprocess.Popen(
        [sys.executable, "-m", "harness.load.stamped_server", *schedule],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _url(server: subprocess.Popen[bytes]) -> str:
    assert server.stdout
    return f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin
    server.stdin.close()
    server.wait()


PARTS = {"events": events, "clients": clients, "many": many, "open": open_loop, "real": real}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="write the bars as JSON")
    parser.add_argument("--only", nargs="+", choices=sorted(PARTS), default=sorted(PARTS))
    parser.add_argument("--guidellm", help="its program, where it is installed")
    parser.add_argument("--tokenizer", help="folder with a tokenizer, which the other clients need")
    given = parser.parse_args()
    if "clients" in given.only and not given.tokenizer:
        parser.error("the part `clients` needs --tokenizer FOLDER, e.g. converted weights")
    found = [line for name in given.only for line in PARTS[name](given)]
    say(f"{sum(line['held'] for line in found)} of {len(found)} bars hold")
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
