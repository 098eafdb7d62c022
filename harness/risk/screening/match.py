"""Names x list entries -> hits, and proposals that wait for a person's ruling.

In this order: a shared identifier; the same name, by the alias table or as typed; a ruling that
the two are the same. What is left and looks alike is a proposal, never a hit. A holding in a party
shows as a hit of its own kind while the 50% rule is switched on, else as information.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from pydantic import Field
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from harness.fields import Frozen
from harness.risk.lists.entry import Entry
from harness.risk.registry import Party, Registry
from harness.risk.screening.aliases import AliasTable
from harness.risk.screening.names import (
    distinctive,
    is_chinese,
    key,
    normalise,
    spellings,
    without_form,
)
from harness.risk.screening.rulings import Ruling

Rule = Literal["identifier", "exact_name", "alias", "ruling", "similar", "ownership"]

# One letter changed in seven proposes, one in six does not. Between 0.6 and 0.95 the proposals
# for the registry in the 188 rows of 1260H (2026-06-08) differ by one: words shared or not decide.
SIMILAR = 0.85
# A name of places and trades alone has to agree nearly to the letter.
SIMILAR_GENERIC = 0.94
# One edit makes another word of a shorter one ("Baidu", "Baido").
EDITABLE_LETTERS = 6
# A lone word this short is contained in too much to say anything ("Ant", "Meta").
LONE_LETTERS = 5
# Shorter numbers (tickers, row numbers) are shared by chance.
IDENTIFIER_CHARACTERS = 6
HALF = 0.5
# An entry of so many words is a sentence ("equipment produced by ..."): names are looked for in it.
PROSE_WORDS = 12
# Names of products and initials stand in other companies' names; only whole ones propose.
_WHOLE_ONLY = {"brand", "abbreviation", "hub_organisation"}


class Stake(Frozen):
    """One holding on the way from a listed party to the party asked about."""

    owner: str
    owned: str
    share: float | None


class Match(Frozen):
    """One name or party and one entry."""

    query: str = Field(description="As typed, or the party's title")
    party: str | None = Field(description="None: the name is in no alias table")
    alias: str = Field(description="The name, identifier or ruled entry by which they met")
    rule: Rule
    score: float = Field(ge=0, le=1, description="1 for all rules but `similar`")
    entry: Entry
    ruling: Ruling | None = None
    path: tuple[Stake, ...] = Field((), description="From the listed owner down")
    share: float | None = Field(
        None, description="Held by listed and reached owners together; None: not known"
    )


class Screening(Frozen):
    """What came of it. Proposals and information are no hits, and no clean result either."""

    hits: tuple[Match, ...]
    proposals: tuple[Match, ...]
    information: tuple[Match, ...]
    ruled_out: tuple[Match, ...]
    unknown_names: tuple[str, ...] = Field(description="Typed names that no alias table holds")


class _Name(NamedTuple):
    """A name in the forms in which it is compared; a tuple, since lists bring 100,000 and more."""

    text: str
    whole: str
    core: str
    words: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "_Name":
        whole = normalise(text)
        plain = without_form(whole)
        return cls(text, whole, plain, distinctive(plain))

    @property
    def key(self) -> str:
        return self.core.replace(" ", "")


@dataclass(frozen=True)
class _Query:
    """A name or a party that is looked for."""

    text: str
    party: Party | None
    typed: bool


@dataclass(frozen=True)
class _Sought:
    """One name of one query."""

    query: int
    name: _Name
    own: bool  # as typed, not by way of the alias table
    whole_only: bool


def screen(
    registry: Registry,
    entries: Iterable[Entry],
    rulings: Sequence[Ruling] = (),
    *,
    names: Sequence[str] | None = None,
    fifty_percent: bool = False,
) -> Screening:
    """Names that a user typed, or all parties of the registry, against list entries.

    A name in the alias table is looked for under all names of its party. The entries must be those
    of the editions in use.
    """
    table = AliasTable.of(registry)
    queries = list(_queries(registry, table, names))
    unknown = tuple(q.text for q in queries if q.party is None)
    asked = len(queries)
    queries += _owners(registry, queries)
    found = _Search(table, queries, rulings).over(entries)
    owned = _by_ownership(registry, queries[:asked], found.hits)
    reached = [m for m in owned if fifty_percent and m.share is not None and m.share >= HALF]
    return Screening(
        hits=(*(m for at, m in found.hits if at < asked), *reached),
        proposals=tuple(m for at, m in found.proposals if at < asked),
        information=tuple(m for m in owned if m not in reached),
        ruled_out=tuple(m for at, m in found.ruled_out if at < asked),
        unknown_names=unknown,
    )


def unruled(
    registry: Registry, entries: Iterable[Entry], rulings: Sequence[Ruling]
) -> tuple[Match, ...]:
    """Proposals for the registry's parties on which nobody has ruled, or not on this text."""
    return screen(registry, entries, rulings).proposals


def same_party(
    table: AliasTable, query: str, list_name: str, rulings: Sequence[Ruling] = ()
) -> bool:
    """Whether a typed name and a printed one are one party, by alias, exact name or ruling."""
    parties, printed = table.parties(query), table.parties(list_name)
    ruled = {r.ruling for r in rulings if r.entry == list_name and r.party in parties}
    if ruled:
        return "same" in ruled
    if parties and printed:
        return bool(parties & printed)
    keys = {key(spelling) for spelling in spellings(query)}
    return not keys.isdisjoint(key(spelling) for spelling in spellings(list_name))


# --- what is looked for ----------------------------------------------------------------------


def _queries(
    registry: Registry, table: AliasTable, names: Sequence[str] | None
) -> Iterator[_Query]:
    if names is None:
        for party in registry.parties.values():
            yield _Query(party.title, party, False)
        return
    for name in names:
        parties = sorted(table.parties(name))
        for at in parties:
            yield _Query(name, registry.parties[at], True)
        if not parties:
            yield _Query(name, None, True)


def _owners(registry: Registry, queries: Sequence[_Query]) -> list[_Query]:
    """Owners, however far up, that were not asked for themselves."""
    asked = {q.party.key for q in queries if q.party}
    line = [q.party for q in queries if q.party]
    seen, further = set(asked), []
    for party in line:
        for owner in party.owners:
            if owner.party not in seen:
                seen.add(owner.party)
                holder = registry.parties[owner.party]
                line.append(holder)
                further.append(_Query(holder.title, holder, False))
    return further


class _Search:
    """One pass over the entries for all names at once."""

    def __init__(
        self, table: AliasTable, queries: Sequence[_Query], rulings: Sequence[Ruling]
    ) -> None:
        self.queries = queries
        self.rulings: defaultdict[tuple[str, str], list[Ruling]] = defaultdict(list)
        for ruling in rulings:
            self.rulings[ruling.list_key, ruling.entry].append(ruling)
        self.by_party: defaultdict[str, list[int]] = defaultdict(list)
        self.sought: list[_Sought] = []
        self.by_key: defaultdict[str, list[int]] = defaultdict(list)
        self.by_block: defaultdict[str, list[int]] = defaultdict(list)
        self.by_number: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for at, query in enumerate(queries):
            self._add(at, query, table)
        self.near = _Near(self.by_block)
        self.hits: list[tuple[int, Match]] = []
        self.proposals: list[tuple[int, Match]] = []
        self.ruled_out: list[tuple[int, Match]] = []

    def _add(self, at: int, query: _Query, table: AliasTable) -> None:
        names = [(s, True, False) for s in spellings(query.text)] if query.typed else []
        if query.party:
            self.by_party[query.party.key].append(at)
            for alias in table.of_party(query.party.key):
                names.append((alias.name, False, alias.kind in _WHOLE_ONLY))
            for identifier in query.party.identifiers:
                number = _number(identifier.value)
                if len(number) >= IDENTIFIER_CHARACTERS:
                    self.by_number[number].append((at, identifier.value))
        for text, own, whole_only in names:
            here = len(self.sought)
            name = _Name.of(text)
            self.sought.append(_Sought(at, name, own, whole_only))
            self.by_key[name.key].append(here)
            for block in _blocks(name):
                self.by_block[block].append(here)

    def over(self, entries: Iterable[Entry]) -> "_Search":
        """Fills hits, proposals and ruled_out, each with the place of its query."""
        for entry in entries:
            found: dict[int, Match] = {}
            for match_at, match in self._met(entry):
                found.setdefault(match_at, match)
            for at, match in found.items():
                self._file(at, match)
        return self

    def _met(self, entry: Entry) -> Iterator[tuple[int, Match]]:
        """Matches of the entry, the strongest rule of each query first."""
        for identifier in entry.identifiers:
            for number in _numbers(identifier):
                for at, value in self.by_number.get(number, ()):
                    yield at, self._match(at, entry, "identifier", value)
        names = [
            _Name.of(spelling)
            for printed in (entry.name, *entry.aliases)
            for spelling in spellings(printed)
        ]
        for name in names:
            for sought in self._equal(name):
                rule: Rule = "exact_name" if sought.own else "alias"
                yield sought.query, self._match(sought.query, entry, rule, sought.name.text)
        for ruling in self.rulings.get((entry.list_key, entry.name), ()):
            if ruling.ruling == "same":
                for at in self.by_party.get(ruling.party, ()):
                    yield at, self._match(at, entry, "ruling", ruling.entry)
        yield from self._similar(entry, names)

    def _equal(self, name: _Name) -> list[_Sought]:
        """Names with the same core; if one also has the same legal form, only its party's.

        "Moonshot AI Pte. Ltd." is the subsidiary when both it and "Moonshot AI" are known.
        """
        at = self.by_key.get(name.key)
        if at is None:
            return []
        found = [self.sought[here] for here in at]
        whole = {self._party(s) for s in found if s.name.whole == name.whole} - {None}
        return [s for s in found if self._party(s) in whole] if whole else found

    def _party(self, sought: _Sought) -> str | None:
        party = self.queries[sought.query].party
        return party.key if party else None

    def _similar(self, entry: Entry, names: Sequence[_Name]) -> Iterator[tuple[int, Match]]:
        best: dict[int, tuple[float, str]] = {}
        for name in names:
            for here in self.near.candidates(name):
                sought = self.sought[here]
                score = _similarity(sought.name, name, sought.whole_only)
                if score > best.get(sought.query, (0.0, ""))[0]:
                    best[sought.query] = (score, sought.name.text)
        for at, (score, alias) in best.items():
            yield at, self._match(at, entry, "similar", alias, round(score, 4))

    def _match(self, at: int, entry: Entry, rule: Rule, alias: str, score: float = 1.0) -> Match:
        query = self.queries[at]
        party = query.party.key if query.party else None
        ruled = [r for r in self.rulings.get((entry.list_key, entry.name), ()) if r.party == party]
        ruled.sort(key=lambda ruling: ruling.read(entry), reverse=True)
        return Match(
            query=query.text,
            party=party,
            alias=alias,
            rule=rule,
            score=score,
            entry=entry,
            ruling=ruled[0] if ruled else None,
        )

    def _file(self, at: int, match: Match) -> None:
        """A ruling of `not_same` clears only the text it was made on, and no shared identifier.

        One of `same` holds whatever the text has become: a changed list must not clear anyone.
        """
        ruling = match.ruling
        cleared = ruling and ruling.ruling == "not_same" and ruling.read(match.entry)
        if cleared and match.rule != "identifier":
            self.ruled_out.append((at, match))
        elif match.rule == "similar":
            self.proposals.append((at, match))
        else:
            self.hits.append((at, match))


# --- what looks alike ------------------------------------------------------------------------


def _blocks(name: _Name) -> set[str]:
    """What two alike names have at least one of: a word, all words run together, a Han pair."""
    words = name.words or tuple(name.core.split())
    blocks = {*words, "".join(words)}
    if is_chinese(name.core):
        blocks |= {word[i : i + 2] for word in words for i in range(len(word) - 1)}
    return blocks


class _Near:
    """Names that share a block with another, letter by letter or with one edit in a long word."""

    def __init__(self, by_block: dict[str, list[int]]) -> None:
        self.by_block = dict(by_block)
        self.by_end: defaultdict[str, list[str]] = defaultdict(list)
        for block in self.by_block:
            if len(block) >= EDITABLE_LETTERS:
                for end in _ends(block):
                    self.by_end[end].append(block)

    def candidates(self, name: _Name) -> set[int]:
        """Places of the names that may be alike."""
        found: set[int] = set()
        for block in _blocks(name):
            found.update(self.by_block.get(block, ()))
            if len(block) >= EDITABLE_LETTERS:
                for end in _ends(block):
                    for other in self.by_end.get(end, ()):
                        if Levenshtein.distance(block, other, score_cutoff=1) == 1:
                            found.update(self.by_block[other])
        return found


def _ends(word: str) -> tuple[str, str]:
    """Beginning and end: one edit in a word of six letters or more leaves one of them whole."""
    return "<" + word[:3], word[-3:] + ">"


def _similarity(one: _Name, other: _Name, whole_only: bool) -> float:
    if not one.words and not other.words:
        score = fuzz.token_sort_ratio(one.core, other.core) / 100
        return score if score >= SIMILAR_GENERIC and not whole_only else 0.0
    if not one.words or not other.words:
        return 0.0
    a, b = " ".join(one.words), " ".join(other.words)
    if other.core.count(" ") >= PROSE_WORDS:
        named = f" {one.core} " in f" {other.core} "
        return float(named and not whole_only and not _says_little(a))
    if sorted(one.words) == sorted(other.words) or a.replace(" ", "") == b.replace(" ", ""):
        return 1.0
    if whole_only or _says_little(a) or _says_little(b):
        return 0.0
    few, many = sorted((one.words, other.words), key=len)
    if is_chinese(a) and is_chinese(b):
        score = fuzz.partial_ratio(a, b) / 100
    elif len(few) == 1 and few[0] in many[1:]:
        # A firm's name leads those of its branches: "Huawei Lianhai", not "Dahai Huawei".
        score = 0.0
    else:
        score = max(fuzz.token_set_ratio(a, b), fuzz.ratio(a, b)) / 100
    return score if score >= SIMILAR else 0.0


def _says_little(words: str) -> bool:
    return len(words) < (2 if is_chinese(words) else LONE_LETTERS)


# --- identifiers -----------------------------------------------------------------------------


def _number(text: str) -> str:
    return "".join(_words(text))


def _numbers(printed: str) -> set[str]:
    """A printed identifier as a whole, and the numbers in it ("LEI 5493...; USCC 9133...")."""
    words = _words(printed)
    return {"".join(words), *words}


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.upper())


# --- ownership -------------------------------------------------------------------------------


def _by_ownership(
    registry: Registry, queries: Sequence[_Query], hits: Sequence[tuple[int, Match]]
) -> list[Match]:
    """For each list, parties not on it that have owners who are, or who are themselves reached.

    Shares of such owners add up, as the 50% rules of BIS and OFAC have it; an owner counts with its
    whole share once it is itself reached.
    """
    listed: defaultdict[str, dict[str, list[Entry]]] = defaultdict(dict)
    for _, match in hits:
        if match.party:
            listed[match.entry.list_key].setdefault(match.party, []).append(match.entry)
    found = []
    for query in queries:
        for on_list in listed.values():
            if query.party is None or query.party.key in on_list:
                continue
            share, paths = _held(registry, query.party, on_list, ())
            for path in paths:
                for entry in dict.fromkeys(on_list[path[0].owner]):
                    found.append(
                        Match(
                            query=query.text,
                            party=query.party.key,
                            alias=registry.parties[path[0].owner].title,
                            rule="ownership",
                            score=1.0,
                            entry=entry,
                            path=path,
                            share=share,
                        )
                    )
    return found


def _held(
    registry: Registry, party: Party, on_list: dict[str, list[Entry]], seen: tuple[str, ...]
) -> tuple[float | None, list[tuple[Stake, ...]]]:
    """Share held by owners that are listed or reached (None: unknown), and the ways down."""
    known, in_doubt = 0.0, False
    paths: list[tuple[Stake, ...]] = []
    for owner in party.owners:
        stake = Stake(owner=owner.party, owned=party.key, share=owner.share)
        if owner.party in on_list:
            above: list[tuple[Stake, ...]] = [()]
            counts: bool | None = True
        elif owner.party in (*seen, party.key):
            continue
        else:
            holder = registry.parties[owner.party]
            of_owner, above = _held(registry, holder, on_list, (*seen, party.key))
            counts = None if of_owner is None else of_owner >= HALF
        paths += [(*way, stake) for way in above]
        if above and counts:
            known += owner.share or 0.0
            in_doubt |= owner.share is None
        elif above and counts is None:
            in_doubt = True
    known = round(known, 9)  # 0.1 + 0.2 + 0.2 is a half
    return (None if in_doubt and known < HALF else known), paths
