"""harness/risk/data/models: what the shipped facts on models say, where a slip would mislead."""

import datetime as dt
from itertools import pairwise

import pytest
import yaml

from harness.config.load import CONF_DIR
from harness.risk.facts import facts_of
from harness.risk.lineage import weight_line
from harness.risk.load import load_registry, shipped_folder
from harness.risk.registry import Condition, Licence, Model, Registry

DAY = dt.date(2026, 11, 26)
OPEN = {"Apache-2.0", "MIT", "MIT AND Apache-2.0"}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def known(registry: Registry, repo: str) -> Model:
    found = registry.find(repo)
    assert found, f"{repo} is not in the registry"
    return found


def headquarters(registry: Registry, model: Model) -> str:
    return registry.parties[model.developer.value].headquarters.value


def line(registry: Registry, repo: str) -> list[str]:
    """The longest path of weights, by repo."""
    return [key.split("@")[0] for key in weight_line(registry, known(registry, repo).key)[-1]]


def conditions(registry: Registry, repo: str) -> list[Condition]:
    return [each for licence in known(registry, repo).licences for each in licence.conditions]


def excluded(registry: Registry, repo: str) -> set[str]:
    return {place for each in conditions(registry, repo) for place in each.excludes}


def standing_on(model: Model, day: dt.date) -> list[Licence]:
    return [
        each
        for each in model.licences
        if (each.since is None or each.since <= day) and (each.until is None or day < each.until)
    ]


def test_eighty_models_and_more_from_eight_jurisdictions(registry: Registry) -> None:
    places = {headquarters(registry, each) for each in registry.models.values()}

    assert len(registry.models) >= 80
    assert {"US", "CN", "FR", "CA", "KR", "AE", "IL", "CH"} <= places


def test_every_model_of_conf_is_known_under_the_same_developer(registry: Registry) -> None:
    wrong = []
    for path in sorted((CONF_DIR / "model").glob("*.yaml")):
        conf = yaml.safe_load(path.read_text("utf-8"))
        found = registry.find(conf["key"])
        if found is None or found.developer.value != conf["developer"]:
            wrong.append(path.name)

    assert wrong == []


def test_a_licence_in_conf_is_one_that_the_registry_knows_for_that_repo(
    registry: Registry,
) -> None:
    wrong = []
    for path in sorted((CONF_DIR / "model").glob("*.yaml")):
        conf = yaml.safe_load(path.read_text("utf-8"))
        ids = {each.id for each in known(registry, conf["key"]).licences}
        if conf["licence"]["value"] not in ids:
            wrong.append(path.name)

    assert wrong == []


def test_each_file_holds_the_models_of_the_organisation_it_is_named_after() -> None:
    for path in sorted((shipped_folder() / "models").glob("*.yaml")):
        organisations = {key.split("/")[0].lower() for key in yaml.safe_load(path.read_text())}

        assert organisations == {path.stem}


def test_no_source_of_models_is_kept_without_a_fact_that_names_it(registry: Registry) -> None:
    listed = yaml.safe_load((shipped_folder() / "sources" / "models.yaml").read_text("utf-8"))
    named = {fact.source for each in registry.models.values() for fact in facts_of(each)}

    assert [key for key, each in listed.items() if each["address"] not in named] == []


def test_no_fact_from_memory_counts_as_more_than_inferred(registry: Registry) -> None:
    facts = [fact for each in registry.models.values() for fact in facts_of(each)]

    assert not [
        f for f in facts if f.source.startswith("from memory") and f.confidence != "inferred"
    ]


def test_qwen2_5_has_three_licences_by_size(registry: Registry) -> None:
    small, middle, large = (
        known(registry, f"Qwen/Qwen2.5-{size}").licences[-1] for size in ("3B", "7B", "72B")
    )

    assert (small.id, small.grant) == ("LicenseRef-Qwen-Research", "non_commercial")
    assert (middle.id, middle.grant) == ("Apache-2.0", "open")
    assert (large.id, large.grant) == ("LicenseRef-Qwen", "conditional")
    assert next(each.above_monthly_users for each in large.conditions) == 100_000_000


def test_gemma_changed_from_terms_to_apache_with_a_new_family_not_within_a_repo(
    registry: Registry,
) -> None:
    old, new = known(registry, "google/gemma-3-27b-it"), known(registry, "google/gemma-4-31B-it")

    assert (len(old.licences), old.licences[0].grant) == (1, "conditional")
    assert (len(new.licences), new.licences[0].id) == (1, "Apache-2.0")


def test_minimax_has_other_terms_for_each_release(registry: Registry) -> None:
    names = ("M2", "M2.5", "M2.7", "M3", "H3")
    latest = [known(registry, f"MiniMaxAI/MiniMax-{name}").licences[-1] for name in names]

    assert len({each.id for each in latest}) == 5
    assert latest[2].grant == "non_commercial"
    assert latest[3].conditions[0].above_usd_per_year == 20e6


@pytest.mark.parametrize(
    ("repo", "places"),
    [
        ("MiniMaxAI/MiniMax-H3", {"US", "EU", "GB", "KR"}),
        ("tencent/Hunyuan-A13B-Instruct", {"EU", "GB", "KR"}),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", {"EU"}),
        ("ascend-tribe/pangu-pro-moe-model", {"EU"}),
        ("meta-llama/Llama-3.3-70B-Instruct", set()),
    ],
)
def test_a_licence_names_the_places_it_leaves_out(
    registry: Registry, repo: str, places: set[str]
) -> None:
    blocking = {each.consequence for each in conditions(registry, repo) if each.excludes}

    assert excluded(registry, repo) == places
    assert blocking == ({"blocked"} if places else set())


def test_llama_asks_for_a_licence_above_700_million_users(registry: Registry) -> None:
    for each in registry.models.values():
        if each.repo.startswith("meta-llama/"):
            (users,) = [c for c in each.licences[-1].conditions if c.kind == "users"]

            assert (users.above_monthly_users, users.consequence) == (700_000_000, "needs_approval")


def test_kimi_k3_asks_only_sellers_of_model_access(registry: Registry) -> None:
    (revenue,) = [c for c in conditions(registry, "moonshotai/Kimi-K3") if c.kind == "revenue"]

    assert (revenue.applies_to, revenue.above_usd_per_year) == ("model_service", 20e6)


def test_a_threshold_a_month_is_stored_a_year(registry: Registry) -> None:
    # 20 million USD a month are 240 million a year, in both texts.
    kimi = [c.above_usd_per_year for c in conditions(registry, "moonshotai/Kimi-K2.5")]
    devstral = [
        c.above_usd_per_year
        for c in conditions(registry, "mistralai/Devstral-2-123B-Instruct-2512")
    ]

    assert kimi == [None, 240e6]
    assert devstral == [240e6]


@pytest.mark.parametrize(
    ("repo", "day", "before", "after"),
    [
        ("MiniMaxAI/MiniMax-M2", "2025-11-13", "MIT", "LicenseRef-MiniMax-Modified-MIT"),
        ("tencent/Hy-MT2-7B", "2026-05-26", "LicenseRef-Tencent-HY-Community", "Apache-2.0"),
        ("01-ai/Yi-34B", "2024-05-30", "LicenseRef-Yi-Series-Community", "Apache-2.0"),
        ("openbmb/MiniCPM-2B-sft-bf16", "2025-06-06", "LicenseRef-MiniCPM", "Apache-2.0"),
        (
            "internlm/internlm2_5-7b-chat", "2025-01-15",
            "LicenseRef-InternLM-commercial-form", "Apache-2.0",
        ),
    ],
)  # fmt: skip
def test_a_licence_that_changed_holds_to_the_day_before(
    registry: Registry, repo: str, day: str, before: str, after: str
) -> None:
    changed = dt.date.fromisoformat(day)
    eve = changed - dt.timedelta(days=1)

    assert [each.id for each in standing_on(known(registry, repo), eve)] == [before]
    assert [each.id for each in standing_on(known(registry, repo), changed)] == [after]


def test_no_history_of_a_licence_has_a_gap(registry: Registry) -> None:
    for model in registry.models.values():
        for earlier, later in pairwise(model.licences):
            if earlier.until or later.since:
                assert earlier.until == later.since, model.key
        assert standing_on(model, DAY), model.key


def test_a_revision_has_the_licence_read_there_and_no_other(registry: Registry) -> None:
    at_commit = registry.find("internlm/internlm2_5-7b-chat", "4434a5ff")

    assert at_commit
    assert at_commit.revision == "4434a5ff"
    assert [each.id for each in at_commit.licences] == ["Apache-2.0"]


def test_an_open_grant_is_an_open_licence_and_a_named_licence_is_not(registry: Registry) -> None:
    for model in registry.models.values():
        for licence in model.licences:
            assert (licence.grant == "open") == (licence.id in OPEN), model.key


def test_the_reasoner_from_nvidia_reaches_qwen_at_depth_three(registry: Registry) -> None:
    assert line(registry, "nvidia/Nemotron-Research-Reasoning-Qwen-1.5B") == [
        "nvidia/Nemotron-Research-Reasoning-Qwen-1.5B",
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B",
        "Qwen/Qwen2.5-Math-1.5B",
        "Qwen/Qwen2.5-1.5B",
    ]


@pytest.mark.parametrize(
    ("repo", "of", "ancestor"),
    [
        ("nvidia/OpenReasoning-Nemotron-14B", "US", "CN"),
        ("perplexity-ai/r1-1776", "US", "CN"),
        ("microsoft/MAI-DS-R1", "US", "CN"),
        ("deepcogito/cogito-671b-v2.1", "US", "CN"),
        ("skt/A.X-4.0", "KR", "CN"),
        ("LLM360/K2-Think", "AE", "CN"),
        ("upstage/SOLAR-10.7B-Instruct-v1.0", "KR", "FR"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "CN", "US"),
        ("OpenGVLab/InternVL3_5-GPT-OSS-20B-A4B-Preview", "CN", "US"),
    ],
)
def test_a_model_carries_weights_from_another_jurisdiction(
    registry: Registry, repo: str, of: str, ancestor: str
) -> None:
    paths = weight_line(registry, known(registry, repo).key)
    places = [headquarters(registry, registry.models[path[-1]]) for path in paths]

    assert places[0] == of
    assert ancestor in places[1:]


def test_a_distillation_into_llama_carries_both_licences(registry: Registry) -> None:
    model = known(registry, "deepseek-ai/DeepSeek-R1-Distill-Llama-70B")
    kinds = {c.kind: c for path in weight_line(registry, model.key)
             for licence in registry.models[path[-1]].licences
             for c in licence.conditions}  # fmt: skip

    assert model.licences[0].id == "MIT AND LicenseRef-Llama-3.3-Community"
    assert kinds["users"].above_monthly_users == 700_000_000
    assert kinds["naming"].consequence == "duty"


def test_a_teacher_is_no_ancestor_by_weights(registry: Registry) -> None:
    model = known(registry, "deepseek-ai/DeepSeek-R1-Distill-Llama-8B")
    ancestors = {path[-1].split("@")[0] for path in weight_line(registry, model.key)}

    assert "deepseek-ai/DeepSeek-R1" in {base.model.split("@")[0] for base in model.bases}
    assert "deepseek-ai/DeepSeek-R1" not in ancestors


def test_the_architecture_of_llama_makes_no_lineage(registry: Registry) -> None:
    assert line(registry, "01-ai/Yi-34B") == ["01-ai/Yi-34B"]


def test_no_model_is_older_than_what_it_was_made_from(registry: Registry) -> None:
    wrong = []
    for model in registry.models.values():
        for base in model.bases:
            days = [model.released.value, registry.models[base.model].released.value]
            if "unknown" not in days and days[0] < days[1]:
                wrong.append((model.key, base.model))

    assert wrong == []


def test_a_denied_origin_stands_beside_the_statement_and_is_graded_alleged(
    registry: Registry,
) -> None:
    pangu = known(registry, "ascend-tribe/pangu-pro-moe-model")

    assert [base.grade for base in pangu.bases] == ["alleged"]
    assert pangu.lineage.value == "from_scratch"
    assert [fact.value for fact in pangu.lineage.conflicts] == ["derived"]


def test_a_derived_model_names_its_base_or_says_that_it_knows_none(registry: Registry) -> None:
    for model in registry.models.values():
        if any(base.edge == "weights" and base.grade != "alleged" for base in model.bases):
            assert model.lineage.value == "derived", model.key
        if model.lineage.value == "from_scratch":
            assert not [b for b in model.bases if b.edge == "weights" and b.grade == "declared"]


@pytest.mark.parametrize("repo", ["tencent/Hy3", "Qwen/Qwen3.8-27B", "zai-org/GLM-5.3"])
def test_a_licence_that_nobody_read_is_unknown(registry: Registry, repo: str) -> None:
    assert known(registry, repo).licences[-1].grant == "unknown"


def test_the_licensor_may_be_another_company_than_the_developer(registry: Registry) -> None:
    exaone = known(registry, "LGAI-EXAONE/EXAONE-4.0-32B")
    hunyuan = known(registry, "tencent/Hunyuan-A13B-Instruct")

    assert (exaone.developer.value, exaone.licensor.value) == ("lg", "lg_mdi")
    assert (hunyuan.developer.value, hunyuan.licensor.value) == ("tencent", "tencent_thl_a29")


def test_an_operator_of_an_api_may_sit_elsewhere(registry: Registry) -> None:
    glm, kimi = known(registry, "zai-org/GLM-4.7"), known(registry, "moonshotai/Kimi-K2.6")

    assert [fact.value for fact in glm.api_operators] == ["zhipu_sg"]
    assert [fact.value for fact in kimi.api_operators] == ["moonshot_sg"]
