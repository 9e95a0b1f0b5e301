"""What DAGs there are: one set per project, documented, and a stub for a project with a mistake."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from projects import ROOT, good, project_root

from crm2odoo.project import load_bundle

STEPS = ("discover", "sample", "load")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bad = good("bad").replace("timezone:", "timezoen:")
    asleep = good("asleep") + "active: false\n"
    return project_root(tmp_path_factory.mktemp("root"), {"acme": good("acme"), "asleep": asleep, "bad": bad, "empty": "", "other": good("other")})


@pytest.fixture(scope="module")
def dags(root: Path) -> dict:
    from crm2odoo.airflow.factory import dags_below

    return {dag.dag_id: dag for dag in dags_below(root)}


def test_every_active_project_has_its_dags_and_one_with_a_mistake_has_a_stub(dags: dict) -> None:
    steps: dict[str, set[str]] = {}
    for dag_id in dags:
        project, _, step = dag_id.partition(".")
        steps.setdefault(project, set()).add(step)
    assert set(STEPS) <= steps["acme"] == steps["other"]
    assert steps["bad"] == steps["empty"] == {"config_error"}
    assert "asleep" not in steps


def test_the_stub_shows_file_line_caret_and_hint_and_fails_with_them(dags: dict, root: Path) -> None:
    from crm2odoo.airflow.rehearsal import rehearse

    stub = dags["bad.config_error"]
    path = root / "mappings" / "projects" / "bad.yaml"
    line = path.read_text().splitlines().index("timezoen: America/New_York") + 1
    message = f"{path}:{line}:1: timezoen: unknown key 'timezoen'\n    timezoen: America/New_York\n    ^\n    → did you mean 'timezone'?"
    assert message in stub.doc_md
    with pytest.raises(Exception, match="unknown key 'timezoen'") as caught:
        stub.task_dict["show_mistake"].python_callable()
    assert str(caught.value) == message
    assert type(caught.value).__name__ == "AirflowFailException"
    assert rehearse is not None


def test_a_task_builds_only_its_own_dag(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm2odoo.airflow import factory

    built = []
    monkeypatch.setattr(factory, "load_bundle", lambda root, name: built.append(name) or load_bundle(root, name))
    assert [d.dag_id for d in factory.dags_below(root, only="acme.sample")] == ["acme.sample"]
    assert built == ["acme"]


def test_any_other_error_of_a_project_is_a_stub_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crm2odoo.airflow import factory

    def build(root: Path, name: str, step: str | None) -> list:
        raise KeyError(f"no such thing in {name}")

    monkeypatch.setattr(factory, "project_dags", build)
    found = list(factory.dags_below(root))
    assert {d.dag_id.rpartition(".")[2] for d in found} == {"config_error"}
    assert "KeyError: 'no such thing in acme'" in found[0].doc_md


def test_the_loader_file_has_no_import_errors() -> None:
    from crm2odoo.airflow.versions import dag_bag

    bag = dag_bag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    assert {"demo_flash.discover", "demo_flash.sample", "demo_flash.load"} <= set(bag.dags)


def test_every_dag_is_a_runbook_and_every_task_says_what_it_does(dags: dict) -> None:
    for dag in dags.values():
        assert len(dag.doc_md) > 100, dag.dag_id
        for task in dag.tasks:
            assert len(task.doc_md or "") > 40, task.task_id
    for step in STEPS:
        text = dags[f"acme.{step}"].doc_md
        for part in ("Before you start", "What happens", "gate", "When it fails", "safe to clear"):
            assert part in text, (step, part)
        for name in dags[f"acme.{step}"].params:
            assert f"| `{name}` |" in text, (step, name)
        for task_id in {t.task_id.split(".")[0] for t in dags[f"acme.{step}"].tasks}:
            assert f"`{task_id}" in text, (step, task_id)


def test_tags_owner_and_manners(dags: dict) -> None:
    for step in STEPS:
        dag = dags[f"acme.{step}"]
        assert {"crm2odoo", "project:acme", "source:flash_lead_sales", f"step:{step}"} <= set(dag.tags)
        assert dag.owner_links == {"platform-team": "https://example.com/team"}
        assert (dag.max_active_runs, dag.catchup, dag.schedule) == (1, False, None)
        assert all(t.retries >= 1 or t.task_id in ("check.needs", "approve_plan", "waive_owners", "sign_off") for t in dag.tasks)
        assert all(t.on_failure_callback for t in dag.tasks)


def test_sample_and_load_write_with_the_same_tasks(dags: dict) -> None:
    sample, load = ({t.task_id for t in dags[f"acme.{s}"].tasks} for s in ("sample", "load"))
    assert sample - load == {"sandbox_up", "sandbox_down", "reset"}
    of_production = {"owner_queue", "waive_owners", "target.take_snapshot", "target.rehearse_snapshot"}
    assert load - sample == of_production, "a sample may leave owners open, and can be thrown away as a whole"


def test_a_failed_gate_stops_the_next_entity_and_settings_are_restored_all_the_same(dags: dict) -> None:
    dag = dags["acme.load"]
    order = [t.task_id.split(".")[1] for t in dag.topological_sort() if t.task_id.startswith("load.") and t.task_id.endswith(".gate")]
    for before, after in pairwise(order):
        assert f"load.{before}.gate" in dag.task_dict[f"load.{after}.chunks"].upstream_task_ids
        assert dag.task_dict[f"load.{after}.chunks"].trigger_rule == "all_success"
    assert dag.task_dict["park_settings"].is_setup
    assert dag.task_dict["restore_settings"].is_teardown
    assert dags["acme.sample"].task_dict["sandbox_down"].is_teardown


def test_everything_that_calls_odoo_many_times_waits_for_the_pool(dags: dict) -> None:
    for task in dags["acme.load"].tasks:
        if task.task_id.endswith((".records", ".second_pass")):
            assert task.pool == "acme_odoo"


def test_the_page_about_the_dags_is_up_to_date() -> None:
    from crm2odoo.airflow import dag_docs
    from crm2odoo.airflow.factory import project_dags

    expected = dag_docs.text(project_dags(ROOT, dag_docs.EXAMPLE))
    assert (ROOT / dag_docs.FILE).read_text() == expected, "run `make docs`"
