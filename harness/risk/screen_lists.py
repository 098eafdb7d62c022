"""Names, or the whole registry, against the lists at hand, and what these do not cover."""

import datetime as dt
from collections.abc import Sequence

from harness.config.judge import RiskConfig
from harness.fields import Frozen
from harness.risk.lists import snapshots
from harness.risk.registry import Registry
from harness.risk.screening.match import Screening, screen
from harness.risk.screening.rulings import load_rulings


class Screened(Frozen):
    """What was found, in which lists, and what these say nothing about."""

    lists: tuple[str, ...]
    silent_about: tuple[str, ...]
    found: Screening

    def lines(self) -> list[str]:
        """As a terminal shows it."""
        lines = []
        for hit in self.found.hits:
            entry = hit.entry
            party = f" ({hit.party})" if hit.party else ""
            ended = f" to {entry.end}" if entry.end else ""
            ruled = f", ruled {hit.ruling.ruling} by {hit.ruling.by}" if hit.ruling else ""
            owners = "".join(
                f", {stake.owner} holds"
                f" {'a share unknown' if stake.share is None else f'{stake.share:.0%}'}"
                f" of {stake.owned}"
                for stake in hit.path
            )
            lines.append(
                f"HIT       {hit.query}{party}: {entry.name}, {entry.list_key}"
                f" {entry.program} edition {entry.edition}, from {entry.start or 'unknown'}{ended};"
                f" by {hit.rule} {hit.alias!r}, score {hit.score:.2f}{owners}{ruled}"
            )
        lines += [
            f"OWNED     {each.query} ({each.party}): through an owner on {each.entry.list_key},"
            f" {each.entry.name}; share {'unknown' if each.share is None else f'{each.share:.0%}'};"
            " counts where a rule on affiliates holds"
            for each in self.found.information
        ]
        for each in self.found.proposals:
            lines.append(
                f"PROPOSAL  {each.query} ({each.party or 'no party'}): looks like"
                f" {each.entry.name}, {each.entry.list_key} edition {each.entry.edition};"
                f" score {each.score:.2f}; a person has to rule (rulings.yaml)"
            )
        lines += [f"UNKNOWN   {name}: in no alias table" for name in self.found.unknown_names]
        if not self.found.hits:
            lines.append("no hit")
        lines.append(f"looked in: {', '.join(self.lists) or 'no list at all'}")
        lines += self.silent_about
        return lines


def screen_lists(
    registry: Registry, names: Sequence[str], risk: RiskConfig, day: dt.date
) -> Screened:
    """Screen the names, or every party of the registry where none is given."""
    held = snapshots.all_latest(day)
    entries = [entry for snapshot in held for entry in snapshot.entries]
    found = screen(
        registry,
        entries,
        load_rulings(risk.registry_dirs),
        names=names or None,
        fifty_percent=risk.affiliates_rule == "on",
    )
    keys = [snapshot.meta.list_key for snapshot in held]
    return Screened(
        lists=tuple(f"{s.meta.list_key} {s.edition}" for s in held),
        silent_about=tuple(snapshots.silent_about(keys)),
        found=found,
    )
