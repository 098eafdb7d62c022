"""harness.report.naming: who shares a name is told apart, and what is judged alike is one."""

from pathlib import Path

from harness.report.naming import called, kinds, kinds_called
from tests.builders import cell
from tests.report.judging import API, SAFE, TWIN, endpoint, table

OTHER = "b-chat-000000000002"
API_CELL = "e-api-000000000003"


def test_one_model_used_in_two_ways_has_two_names(tmp_path: Path) -> None:
    made = table(tmp_path, cell(), endpoint(cell_id=API_CELL), changes=API)

    assert set(called(made.rows).values()) == {"tiny (self hosted)", "tiny (third party)"}


def test_where_the_way_of_use_is_one_it_is_told_who_serves(tmp_path: Path) -> None:
    ways = API | {"buyer.deployment": "third_party"}
    made = table(tmp_path, cell(), endpoint(cell_id=API_CELL), changes=ways)

    assert set(called(made.rows).values()) == {"tiny (a machine)", "tiny (an API)"}


def test_two_repos_of_one_name_are_told_apart_by_repo(tmp_path: Path) -> None:
    made = table(tmp_path, cell(), cell(OTHER, config={"model.key": TWIN}))

    assert list(called(made.rows).values()) == [f"tiny ({TWIN})", f"tiny ({SAFE})"]


def test_two_configurations_of_one_repo_keep_their_names(tmp_path: Path) -> None:
    made = table(tmp_path, cell(), cell(OTHER, config={"model.name": "tiny-fp8"}))

    assert set(called(made.rows).values()) == {"tiny", "tiny-fp8"}
    assert len(kinds(made.rows)) == 2


def test_a_model_judged_for_two_contents_is_two_kinds(tmp_path: Path) -> None:
    code = {"workload.name": "code", "workload.content": "code"}
    made = table(tmp_path, cell(), cell(OTHER, config=code))

    assert list(called(made.rows).values()) == ["tiny"]
    assert set(kinds_called(made.rows).values()) == {"tiny, chat", "tiny, code"}
