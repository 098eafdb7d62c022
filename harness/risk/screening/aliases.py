"""The curated alias table: any name of a party -> that party."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from harness.risk.registry import Registry
from harness.risk.screening.names import key, normalise, spellings


@dataclass(frozen=True)
class Alias:
    """One name of one party."""

    party: str
    name: str
    kind: str


@dataclass(frozen=True)
class AliasTable:
    """All names in the registry: by what spellings of a name share, and with their legal forms."""

    by_key: dict[str, tuple[Alias, ...]]
    by_name: dict[str, tuple[Alias, ...]]

    @classmethod
    def of(cls, registry: Registry) -> "AliasTable":
        """From the parties' names, and the Hub organisations of the models they developed.

        An organisation that publishes models of several developers is a name of none of them.
        """
        aliases = [
            Alias(party.key, name.value, name.kind)
            for party in registry.parties.values()
            for name in party.names
        ]
        developers: defaultdict[str, set[str]] = defaultdict(set)
        for model in registry.models.values():
            developers[model.repo.split("/")[0]].add(model.developer.value)
        aliases += [
            Alias(party, organisation, "hub_organisation")
            for organisation, (party, *others) in developers.items()
            if not others and party in registry.parties
        ]
        return cls(_grouped(aliases, key), _grouped(aliases, normalise))

    def of_party(self, party: str) -> tuple[Alias, ...]:
        """All its names, one for each key."""
        return tuple(a for found in self.by_key.values() for a in found if a.party == party)

    def find(self, name: str) -> tuple[Alias, ...]:
        """Aliases equal to the name, one a party; for `organisation/model`, of the organisation.

        The name with its legal form goes first: it may tell a company from its subsidiary abroad.
        """
        for spelling in spellings(name):
            found = self.by_name.get(normalise(spelling)) or self.by_key.get(key(spelling))
            if found:
                return found
        organisation, slash, model = name.partition("/")
        if slash and model and " " not in name:
            return self.by_key.get(key(organisation), ())
        return ()

    def parties(self, name: str) -> frozenset[str]:
        """Keys of the parties that go by this name."""
        return frozenset(alias.party for alias in self.find(name))

    def ambiguous(self) -> tuple[str, ...]:
        """A line for each name that two parties share; it must be taken from one of them."""
        return tuple(
            f"alias {found[0].name!r} names {' and '.join(a.party for a in found)};"
            " leave it with one of them in parties"
            for found in self.by_name.values()
            if len(found) > 1
        )


def _grouped(aliases: list[Alias], form: Callable[[str], str]) -> dict[str, tuple[Alias, ...]]:
    """Aliases by a form of their names, the first of each party."""
    found: defaultdict[str, dict[str, Alias]] = defaultdict(dict)
    for alias in aliases:
        found[form(alias.name)].setdefault(alias.party, alias)
    return {shared: tuple(of_party.values()) for shared, of_party in found.items()}
