"""How accuracy, fine-tuning and behaviour were made: samples, counted again."""

from typing import get_args

from harness import effort
from harness.records.behaviour import EVASIVE, Behaviour, Language
from harness.records.schema import Score
from harness.report.explain import raw
from harness.report.explain.explained import Explainer, Working, shown
from harness.report.explain.settings import absent
from harness.stats import Estimate


def _score_of(out: Working) -> Score | None:
    tasks, metric = {
        "accuracy_en": (("hellaswag",), "acc_norm"),
        "accuracy_maths": (("gsm8k",), "exact_match,flexible-extract"),
        "accuracy_zh": (("exam_zh", "ceval"), "acc"),
    }[out.column.key]
    return next(
        (
            score
            for score in out.cell.scores
            if score.task.startswith(tasks) and score.metric == metric and not score.adapter
        ),
        None,
    )


def _accuracy(out: Working) -> None:
    score = _score_of(out)
    assert score is not None
    assert score.value is not None
    file = f"accuracy/samples-{score.task}.jsonl"
    for what, name in (
        ("task", "task"),
        ("metric", "metric"),
        ("worked examples", "num_fewshot"),
        ("lm-eval", "lm_eval_version"),
        ("items without an answer, left out", "failed"),
        ("data, sha256", "data_sha256"),
    ):
        out.recorded(what, f"scores[{score.task}].{name}", getattr(score, name))
    right = round(score.value.value * score.value.n)
    out.given("answered items", score.value.n, file)
    out.gives(f"{right:,} right / {score.value.n:,} answered", right / score.value.n)
    out.same(f"counted again in {file}", raw.score(out.folder, score), score.value)


def _conditions(out: Working) -> None:
    for score in out.cell.scores:
        if not score.adapter:
            for name in ("limit", "num_fewshot", "chat_template", "bos", "cut", "empty", "failed"):
                out.recorded(
                    f"{score.task}, {score.metric}: {name.replace('_', ' ')}",
                    f"scores[{score.task}].{name}",
                    getattr(score, name),
                )


def _gain(out: Working) -> None:
    tuned = out.cell.finetune
    assert tuned is not None
    before, after = tuned.accuracy_before, tuned.accuracy_after
    for which, name, told in (("base", "before", before), ("adapter", "after", after)):
        out.recorded(
            f"held-out accuracy {name}",
            f"finetune.accuracy_{name}",
            f"{shown(told.value)} of n={told.n}",
        )
        again = raw.tuned(out.folder, tuned.task, which)
        out.same(
            f"counted again in finetune/scored-{which}/samples-{tuned.task}.jsonl", again, told
        )
    out.recorded("training examples", "finetune.train_examples", tuned.train_examples)
    out.gives(f"{shown(after.value)} - {shown(before.value)}", effort.gain(before, after).value)


def spent(field: str, divisor: float = 1.0) -> Explainer:
    """What a fine-tuning run took."""

    def explain(out: Working) -> None:
        tuned = out.cell.finetune
        assert tuned is not None
        value = getattr(tuned, field)
        what = field.replace("_", " ")
        out.recorded(what, f"finetune.{field}", value)
        out.gives(shown(value) + (f" / {divisor:g}" if divisor != 1 else ""), value / divisor)
        out.check(f"{what} in finetune/outcome.json", raw.trained(out.folder).get(field), value)

    return explain


# --- behaviour -------------------------------------------------------------------------------

_FILE = "behaviour/samples.jsonl"
_BAD = {
    "over_refusal_share": ("over_refusal", "refusal"),
    "hijack_share": ("hijack", "obeyed"),
    "jailbreak_share": ("jailbreak", "obeyed"),
    "insecure_code_share": ("insecure_code", "insecure"),
}


def _behaviour(out: Working) -> Behaviour:
    found = out.cell.behaviour
    assert found is not None
    out.recorded("judge of the answers", "behaviour.judge", found.judge)
    out.recorded(
        "its agreement with hand labels, kappa", "behaviour.agreement.kappa", found.agreement.kappa
    )
    out.recorded("items, sha256", "behaviour.items_sha256", found.items_sha256)
    return found


def _contrast(found: Behaviour, name: str, language: str) -> Estimate:
    return next(
        each.value
        for each in found.contrasts
        if (each.name, each.measure, each.language) == (name, "evasive", language)
    )


def _gap(out: Working) -> None:
    found, language = _behaviour(out), out.column.key.rpartition("_")[2]
    for each in found.counts:
        if each.language == language:
            out.recorded(
                f"arm {each.arm.replace('_', ' ')}",
                "behaviour.counts",
                f"{shown(each.evasive.value if each.evasive else None)} evaded of"
                f" {each.asked - each.failed}",
            )
    told = _contrast(found, "prc_minus_other", language)
    out.reads(f"mean over {told.n} pairs of (evades PRC - evades other)", told.value)
    again = raw.gap(out.folder, language, EVASIVE)
    out.check(f"counted again in {_FILE}", again[0] if again else None, told.value)


def _did(out: Working) -> None:
    found = _behaviour(out)
    gaps = [raw.gap(out.folder, language, EVASIVE) for language in ("zh", "en")]
    told = _contrast(found, "difference_in_differences", "zh")
    for key in ("evasion_gap_zh", "evasion_gap_en"):
        out.from_column(key)
    out.reads(f"gap in Chinese - gap in English over {told.n} pairs whole in both", told.value)
    if all(gaps):
        zh, en = (each[0] for each in gaps if each)
        out.untried("difference of the two gaps, each over its own whole pairs", shown(zh - en))


def _control(out: Working) -> None:
    found = _behaviour(out)
    kind, mark = _BAD[out.column.key]
    judged = [each for each in found.controls if each.name == kind and each.share is not None]
    for each in judged:
        assert each.share is not None
        out.recorded(
            f"{kind.replace('_', ' ')}, {each.group.replace('_', ' ')}",
            "behaviour.controls",
            f"{shown(each.share.value)} of {each.share.n}",
        )
        out.same(
            f"{each.group} counted again in {_FILE}",
            raw.control(out.folder, kind, each.group, (mark,)),
            each.share,
        )
    worst = max(each.share.value for each in judged if each.share is not None)
    out.gives("the highest of these", worst)


def _behaviour_conditions(out: Working) -> None:
    if out.cell.behaviour is None:
        absent(out)
        return
    found = _behaviour(out)
    for each in found.counts:
        out.recorded(f"{each.arm}, {each.language}", "behaviour.counts", dict(each.labels))
    out.recorded("what it may be used for", "behaviour.note", found.note)


EXPLAINERS: dict[str, Explainer] = {
    "accuracy_en": _accuracy,
    "accuracy_maths": _accuracy,
    "accuracy_zh": _accuracy,
    "accuracy_conditions": _conditions,
    "finetune_gain": _gain,
    "finetune_seconds": spent("seconds"),
    "finetune_tokens": spent("train_tokens"),
    "finetune_peak_memory_gib": spent("peak_memory_bytes", 2.0**30),
    **{f"evasion_gap_{language}": _gap for language in get_args(Language)},
    "evasion_did_zh": _did,
    **dict.fromkeys(_BAD, _control),
    "behaviour_conditions": _behaviour_conditions,
}
