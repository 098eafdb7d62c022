"""One entry of a published list, whatever format it came in."""

import datetime as dt
import hashlib

from pydantic import Field

from harness.fields import Frozen


class Entry(Frozen):
    """A row of a list as published."""

    list_key: str = Field(description="Which list, e.g. us-1260h, us-csl, company")
    edition: str = Field(description="ISO date of the edition, or of the import")
    program: str = Field(description="Sub-list or programme, e.g. the CSL's source; may be empty")
    row: int = Field(ge=1, description="Line of the file, header = 1; item number in JSON")
    name: str = Field(min_length=1, description="As printed")
    aliases: tuple[str, ...] = Field((), description="Alias, former and cleaned names, as printed")
    parent: str | None = Field(None, description="Name of the parent that the list prints")
    identifiers: tuple[str, ...] = ()
    countries: tuple[str, ...] = Field((), description="As printed")
    start: dt.date | None = None
    end: dt.date | None = Field(None, description="As printed; never trusted to close an edition")
    source_url: str | None = None

    @property
    def text_sha256(self) -> str:
        """Hash of all that the list says, without its place in the file or the edition.

        A ruling holds for one text: when the list changes it, a person has to look again.
        """
        said = [self.list_key, self.program, self.name, *sorted(self.aliases), self.parent or ""]
        said += sorted(self.identifiers)
        return hashlib.sha256("\n".join(said).encode()).hexdigest()
