"""lm-eval in its child, against a server that fails where it is told to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.accuracy import stage
from harness.accuracy.data import render
from harness.config import load
from harness.config.run import LmEvalAccuracy, TaskConfig
from harness.errors import MeasurementError
from harness.records.schema import Score
from harness.serve.weights import prepare

LONGEST = 40  # tokens; a longer prompt is answered with an error
SETTINGS = LmEvalAccuracy(
    kind="lm_eval",
    tasks={"review_sentiment": TaskConfig()},
    from_hub=False,
    apply_chat_template=False,
    num_concurrent=2,
    max_retries=1,
    max_cut_share=0.0,
    max_empty_share=0.0,
)
ITEMS = [{"prompt": f"Review: fine {n}\nSentiment:", "label": 1} for n in range(3)]
TOO_LONG = {"prompt": "Review: " + "fine " * 60 + "\nSentiment:", "label": 1}


class Handler(BaseHTTPRequestHandler):
    """Log-probabilities of -0.1 for every token, or too few of them."""

    short = 0  # how many log-probabilities to leave out

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ids = body["prompt"][0] if isinstance(body["prompt"][0], list) else body["prompt"]
        values = [None, *[-0.1] * (len(ids) - self.short)]
        top = [None, *[{"t": -0.1}] * (len(ids) - self.short)]
        logprobs = {"token_logprobs": values, "top_logprobs": top}
        answer = {"choices": [{"index": 0, "text": "", "logprobs": logprobs}]}
        self.send_response(500 if len(ids) > LONGEST else 200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tokenizer() -> Path:
    model = load.plan(["model=smollm2_135m"], multirun=False, config_dir=None)[0].config.model
    return prepare(model.source).folder


def evaluate(url: str, tokenizer: Path, out: Path, identity: str) -> tuple[Score, int]:
    """The score, and how many requests really went out."""
    subject = stage.Subject(
        base_url=url,
        model="m",
        tokenizer=str(tokenizer),
        max_model_len=512,
        add_bos=False,
        dtype="float32",
        identity=identity,
    )
    task = render("review_sentiment", {"DATA": [*ITEMS, TOO_LONG]}, 0, "en", ("acc",), "0" * 64)
    scores = stage.evaluate(subject, SETTINGS, out, extra=[(task, TaskConfig())])
    return scores[0], json.loads((out / "outcome.json").read_text("utf-8"))["requests_sent"]


def test_a_failed_request_costs_its_item_only_and_answers_are_kept_per_model(
    url: str, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    first, asked = evaluate(url, tokenizer, tmp_path / "1", "weights/vllm/float32")
    again, asked_again = evaluate(url, tokenizer, tmp_path / "2", "weights/vllm/float32")
    other, asked_other = evaluate(url, tokenizer, tmp_path / "3", "weights/vllm/bfloat16")

    # Four items of two choices each; both choices of the long one fail.
    assert (first.value and first.value.n, first.failed, asked) == (3, 1, 8)
    assert (again.value, again.failed, asked_again) == (first.value, 1, 2)
    assert (other.failed, asked_other) == (1, 8)


def test_a_server_with_too_few_log_probabilities_gets_no_score(
    url: str, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(Handler, "short", 3)

    with pytest.raises(MeasurementError, match=r"self-test: .* cannot score by log-likelihood"):
        evaluate(url, tokenizer, tmp_path / "out", "weights/vllm/float32")
