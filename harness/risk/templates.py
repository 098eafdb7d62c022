"""Filled templates of registry entries, for `harness risk add`."""

import datetime as dt
from typing import Literal

Kind = Literal["model", "party", "instrument"]

_SOURCE = """\
# sources.yaml
my-source:
  address: "https://…  (address or document that says so)"
  publisher: "who published it"
  published: null          # date of the document, or null
  read: "{today}"
  review_by: "{review}"
"""
_MODEL = """\
# models.yaml
# A fact is {{value, source, confidence}}; confidence: official | reported | alleged | inferred.
# Write `unknown` where nothing is known: it is shown as unknown and never counts as clean.
"{key}":
  developer: {{value: {party}, source: my-source, confidence: reported}}   # a key of parties
  licensor: {{value: {party}, source: my-source, confidence: inferred}}
  released: {{value: unknown, source: my-source, confidence: inferred}}    # "YYYY-MM-DD"
  licences:                # oldest first
    - id: Apache-2.0       # SPDX id, or LicenseRef-<name>
      grant: open          # open | conditional | non_commercial | unknown
      conditions: []       # e.g. {{kind: users, above_monthly_users: 100000000,
                           #        consequence: needs_approval, text: "…"}}
      evidence: {{value: Apache-2.0, source: my-source, confidence: reported}}
  lineage: {{value: unknown, source: my-source, confidence: inferred}}     # from_scratch | derived
  bases: []                # e.g. - {{model: "Qwen/Qwen3-8B@*", edge: weights, grade: declared,
                           #        evidence: {{value: base_model, source: my-source,
                           #                   confidence: official}}}}
  transparency: {{value: unknown, source: my-source, confidence: inferred}}
    # open_data_code_evals | data_summary | weights_only | nothing
"""
_PARTY = """\
# parties.yaml
{key}:
  names:
    - {{value: "Full legal name", kind: legal, source: my-source, confidence: reported}}
    - {{value: "hub-organisation", kind: hub_organisation, source: my-source, confidence: official}}
  headquarters: {{value: unknown, source: my-source, confidence: inferred}}    # ISO 3166 alpha-2
  incorporation: {{value: unknown, source: my-source, confidence: inferred}}
  control: {{value: unknown, source: my-source, confidence: inferred}}
  ownership: {{value: unknown, source: my-source, confidence: inferred}}
    # foundation | private | state_minority | state_controlled | military
  founded: {{value: unknown, source: my-source, confidence: inferred}}
  listings: []             # e.g. - {{instrument: us-1260h-2026-06-08, entry: "as printed",
                           #        since: "2026-06-08", evidence: {{…}}}}
  # Name every instrument under which you looked and found nothing; the rest stays unknown.
  # `harness risk screen "Full legal name"` looks in the lists at hand.
  checks:
    - instruments: [us-1260h]
      evidence: {{value: not found, source: my-source, confidence: reported}}
"""
_INSTRUMENT = """\
# instruments.yaml
{key}:
  title: "…"
  issuer: "…"
  kind: national_list      # use_ban | national_list | state_list | allegation | bill | rule
  jurisdiction: US         # ISO 3166 code whose law it is
  series: {key}            # what its editions have in common
  citation: unknown
  history:
    - status: in_force     # proposed | suspended | withdrawn | approved_unpublished | unknown
      since: "{today}"
      evidence: {{value: in force, source: my-source, confidence: reported}}
  affiliates: none         # any | fifty_percent
  effects:
    - binds: [us_person]   # a tag of conf/buyer/*.yaml, bound_as
      deployments: [self_hosted, in_region_cloud, third_party, developer_api]
      verdict: needs_approval   # blocked | dated_warning (with bites_on)
      text: "What it forbids to whom, in one sentence."
"""


def template(kind: Kind, key: str, today: dt.date) -> str:
    """YAML text of an entry that loads once its party and source are there."""
    body = {"model": _MODEL, "party": _PARTY, "instrument": _INSTRUMENT}[kind]
    if kind == "model" and "@" not in key:
        key += "@*"
    party = key.split("/", maxsplit=1)[0].lower().replace("-", "_")
    review = today + dt.timedelta(days=182)
    return _SOURCE.format(today=today, review=review) + body.format(
        key=key, today=today, party=party
    )
