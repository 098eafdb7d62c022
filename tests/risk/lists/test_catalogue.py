"""The catalogue says of every list what a clean result on it does not mean."""

from harness.risk.lists.catalogue import catalogue, silent_about
from harness.risk.lists.readers import FORMATS


def test_every_list_has_a_reader_and_every_reader_a_list() -> None:
    assert {info.format for info in catalogue().values()} == set(FORMATS)


def test_lists_are_fetched_over_https_only() -> None:
    addresses = [info.address for info in catalogue().values() if info.address]
    assert addresses
    assert all(address.startswith("https://") for address in addresses)


def test_a_clean_screening_list_says_which_lists_it_does_not_hold() -> None:
    (line,) = silent_about(["us-csl", "us-csl"])
    for absent in ("1260H", "FASCSA", "FCC Covered List", "UFLPA", "state list"):
        assert absent in line


def test_a_list_outside_the_catalogue_speaks_only_of_itself() -> None:
    (line,) = silent_about(["our-blocklist"])
    assert line.startswith("our-blocklist (a list of your own)")
