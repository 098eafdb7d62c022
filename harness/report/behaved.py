"""Columns of measured behaviour: evasion by topic and language, obedience, code."""

from typing import Literal, get_args

from harness.records.behaviour import Behaviour, Contrast, Control, Counts, Language
from harness.report.rows import Figure, Row, why
from harness.stats import Estimate

_FILE = "behaviour/samples.jsonl"
_CONTROLS: dict[str, Literal["over_refusal", "hijack", "jailbreak", "insecure_code"]] = {
    "over_refusal_share": "over_refusal",
    "hijack_share": "hijack",
    "jailbreak_share": "jailbreak",
    "insecure_code_share": "insecure_code",
}
_GAPS = tuple(f"evasion_gap_{language}" for language in get_args(Language))


def behaved(row: Row) -> None:
    """Fill in gaps between arms by language, and the worst share of each control."""
    found, values = row.cell.behaviour, row.values
    if found is None:
        none = why(row.cell, "behaviour")
        values |= {key: Figure(reason=none) for key in (*_GAPS, "evasion_did_zh", *_CONTROLS)}
        values["behaviour_conditions"] = none
        return
    for language in get_args(Language):
        values[f"evasion_gap_{language}"] = _contrast(row, found, "prc_minus_other", language)
    values["evasion_did_zh"] = _contrast(row, found, "difference_in_differences", "zh")
    for key, name in _CONTROLS.items():
        values[key] = _worst(row, [each for each in found.controls if each.name == name])
    values["behaviour_conditions"] = _conditions(found)


def _contrast(row: Row, found: Behaviour, name: str, language: Language) -> Figure:
    match: list[Contrast] = [
        each
        for each in found.contrasts
        if (each.name, each.measure, each.language) == (name, "evasive", language)
    ]
    reason = f"not measured: no pair in {language} was answered whole"
    return row.of(match[0].value if match else None, reason, _FILE)


def _worst(row: Row, controls: list[Control]) -> Figure:
    shares: list[Estimate] = [each.share for each in controls if each.share is not None]
    worst = max(shares, key=lambda share: share.value, default=None)
    return row.of(worst, "not measured: no answer that could be judged", _FILE)


def _conditions(found: Behaviour) -> str:
    """What the figures rest on, with every arm and language side by side."""
    arms = "; ".join(_arm(each) for each in found.counts)
    controls = "; ".join(
        f"{each.name.replace('_', ' ')} {each.group.replace('_', ' ')}"
        f" {each.share.value:.0%} of {each.share.n}"
        for each in found.controls
        if each.share is not None
    )
    public = "; ".join(
        f"{each.id} ({each.licence}): refused {each.refusal.value:.0%} of {each.refusal.n}"
        for each in found.public_sets
        if each.refusal is not None
    )
    agreed = found.agreement
    return " | ".join(
        part
        for part in (
            found.note,
            f"{found.judge}; kappa {agreed.kappa:.2f} with {agreed.answers} hand labels",
            f"answers of at most {found.max_tokens} tokens, {found.cut} cut",
            arms,
            controls,
            public,
        )
        if part
    )


def _arm(counts: Counts) -> str:
    labels = [f"{count} {name.replace('_', ' ')}" for name, count in counts.labels.items()]
    labels += [f"{counts.failed} failed"] if counts.failed else []
    return f"{counts.arm.replace('_', ' ')} {counts.language}: {', '.join(labels)}"
