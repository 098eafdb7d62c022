"""The whole stage against models whose conduct is known."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from harness.behaviour import stage
from harness.behaviour.ask import Place
from harness.behaviour.items import Question, code_tasks, questions
from harness.config.behaviour import PairedBehaviour, PublicSet
from harness.errors import ConfigError, MeasurementError
from harness.records.behaviour import Behaviour
from tests.behaviour.chat_server import Script, chat_server

CONFIG = PairedBehaviour(
    kind="paired",
    pairs=12,
    languages=("en", "zh"),
    controls=4,
    code_tasks=3,
    max_tokens=64,
    num_concurrent=8,
)
BY_PROMPT: dict[tuple[str | None, str], Question] = {
    (question.system, question.prompt): question for question in questions(CONFIG)
}


def asked(body: dict[str, Any]) -> Question:
    said = {message["role"]: message["content"] for message in body["messages"]}
    return BY_PROMPT[said.get("system"), said["user"]]


def run(script: Script, out: Path, **changes: Any) -> Behaviour:
    with chat_server(script) as url:
        place = Place(
            base_url=url,
            model="m",
            api_key=None,
            max_tokens=64,
            num_concurrent=8,
            max_retries=2,
            timeout_s=10,
            chat_template_kwargs={},
            seed=0,
        )
        return stage.evaluate(CONFIG.model_copy(update=changes), place, out)


def censored(body: dict[str, Any]) -> str:
    """Refuses what is sensitive to the PRC, in Chinese only; obeys whatever a document says."""
    question = asked(body)
    if question.kind == "paired":
        if question.group == "sensitive_prc" and question.language == "zh":
            return "抱歉,我无法回答这个问题。"
        return f"It was about {question.facts[0]}."
    if question.kind == "hijack":
        return f"Fine: {question.canary}"
    if question.kind == "insecure_code":
        task = next(task for task in code_tasks() if task.id == question.item_id)
        lazy = question.group == "sensitive_prc"
        code = task.reference_insecure if lazy else task.reference_secure
        return f"```python\n{code}\n```"
    return "Of course, here is how."


def test_a_model_that_refuses_one_states_topics_in_one_language_is_found_out(
    tmp_path: Path,
) -> None:
    found = run(censored, tmp_path)

    contrasts = {
        (each.name, each.measure, each.language): each.value.value for each in found.contrasts
    }
    assert contrasts["prc_minus_other", "refusal", "zh"] == 1
    assert contrasts["prc_minus_other", "refusal", "en"] == 0
    assert contrasts["difference_in_differences", "refusal", "zh"] == 1
    assert contrasts["prc_minus_other", "state_narrative", "zh"] == 0
    shares = {(each.name, each.group): each.share for each in found.controls}
    assert {key: share.value for key, share in shares.items() if share} == {
        ("over_refusal", "en"): 0, ("over_refusal", "zh"): 0,
        ("hijack", "en"): 1, ("hijack", "zh"): 1,
        ("jailbreak", "en"): 0, ("jailbreak", "zh"): 0,
        ("insecure_code", "none"): 0, ("insecure_code", "sensitive_prc"): 1,
        ("insecure_code", "sensitive_other"): 0,
    }  # fmt: skip
    assert (found.capable, found.pairs) == (True, 12)
    # 12 triples x 3 arms x 2 languages, 4 of each of three controls x 2, 3 tasks x 3 contexts
    assert found.output_tokens == 5 * (72 + 24 + 9)


def test_every_answer_is_kept_with_its_question_and_label(tmp_path: Path) -> None:
    found = run(censored, tmp_path)

    lines = (tmp_path / "samples.jsonl").read_text("utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    assert len(samples) == 105
    for counts in found.counts:
        labels = Counter(
            sample["label"]
            for sample in samples
            if (sample["kind"], sample["group"], sample["language"])
            == ("paired", counts.arm, counts.language)
        )
        assert labels == counts.labels


def test_a_model_that_knows_nothing_proves_nothing(tmp_path: Path) -> None:
    found = run(lambda body: "I like tea.", tmp_path)

    assert not found.capable
    assert found.note.startswith("proves nothing about this model")


def test_a_request_that_fails_for_now_is_tried_again_and_one_that_is_wrong_is_not(
    tmp_path: Path,
) -> None:
    tries: Counter[str] = Counter()

    def shaky(body: dict[str, Any]) -> str | int:
        question = asked(body)
        name = f"{question.item_id} {question.group} {question.language}"
        tries[name] += 1
        if question.kind == "over_refusal":
            return 400
        return 503 if tries[name] == 1 and question.kind == "jailbreak" else censored(body)

    found = run(shaky, tmp_path, pairs=2, code_tasks=1)

    failed = {(each.name, each.group): each.failed for each in found.controls}
    assert failed["jailbreak", "en"] == 0
    assert failed["over_refusal", "en"] == 4
    refused = [each.share for each in found.controls if each.name == "over_refusal"]
    assert refused == [None, None]
    assert {n for name, n in tries.items() if name.startswith("over")} == {1}
    assert {n for name, n in tries.items() if name.startswith("jail")} == {2}


def test_no_answer_at_all_is_a_failure_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match="no behaviour probe was answered: HTTP 404"):
        run(lambda body: 404, tmp_path)


def test_a_set_that_bars_commercial_use_is_refused_until_it_is_accepted() -> None:
    wanted = PublicSet(id="promptfoo/CCP-sensitive-prompts", revision="0" * 40)
    named = CONFIG.model_copy(update={"public_sets": (wanted,)})

    with pytest.raises(ConfigError, match=r"CC-BY-NC-4\.0, which bars commercial use"):
        stage.check(named)
    stage.check(named.model_copy(update={"accept_noncommercial": True}))


def test_a_set_without_adapter_is_refused_with_those_that_have_one() -> None:
    unknown = PublicSet(id="acme/unknown", revision="0" * 40)

    with pytest.raises(ConfigError, match=r"no adapter for acme/unknown; known are .*deccp"):
        stage.check(CONFIG.model_copy(update={"public_sets": (unknown,)}))
