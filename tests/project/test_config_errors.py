"""A mistake in a YAML file is told with file, line, column, a caret and what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "staging"))
from small_world import ENTITIES, PROJECT, SOURCE, write

from crm2odoo.project import ConfigError, YamlFile, load_bundle
from crm2odoo.project.project_file import Project


def problem(root: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_bundle(root, "small_test")
    return str(caught.value).replace(str(root), "ROOT")


def test_an_unknown_key_is_named_with_its_place_and_the_nearest_known_one(tmp_path: Path) -> None:
    text = problem(write(tmp_path, project=PROJECT + "timezon: UTC\n"))
    assert text.startswith("ROOT/mappings/projects/small_test.yaml:5:1: timezon: unknown key 'timezon'")
    assert "    timezon: UTC\n    ^" in text
    assert "did you mean 'timezone'?" in text


def test_an_unknown_key_below_a_key_points_at_its_own_line(tmp_path: Path) -> None:
    text = problem(write(tmp_path, project=PROJECT + "owners:\n  undecided: provision\n  falback: x\n"))
    assert "small_test.yaml:7:3: owners.falback" in text
    assert "did you mean 'fallback'?" in text


def test_a_value_off_the_list_suggests_the_nearest(tmp_path: Path) -> None:
    text = problem(write(tmp_path, project=PROJECT + "owners: {undecided: provison}\n"))
    assert "small_test.yaml:5:10: owners.undecided" in text
    assert "did you mean 'provision'?" in text


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    assert "the key 'export' is missing" in problem(write(tmp_path, project="project: small_test\ntitle: x\nsource: small\n"))


def test_a_key_given_twice_is_refused(tmp_path: Path) -> None:
    assert "the key 'title' stands here twice" in problem(write(tmp_path, project=PROJECT + "title: again\n"))


def test_broken_yaml_points_at_the_line(tmp_path: Path) -> None:
    assert "small_test.yaml:5:21: " in problem(write(tmp_path, project=PROJECT + "owners: {undecided: ]}\n"))


def test_an_unknown_source_suggests_the_nearest(tmp_path: Path) -> None:
    text = problem(write(tmp_path, project=PROJECT.replace("source: small", "source: smal")))
    assert "there is no source 'smal'" in text
    assert "did you mean 'small'?" in text


def test_a_line_to_an_input_that_the_entity_does_not_have(tmp_path: Path) -> None:
    text = problem(write(tmp_path, source=SOURCE.replace("{name: name, parent: parent, city: city}", "{name: name, parent: parent, cty: city}")))
    assert "company has no input 'cty'" in text
    assert "did you mean 'city'?" in text
    assert "small.yaml:21:64:" in text


def test_a_line_from_a_column_that_the_object_does_not_have(tmp_path: Path) -> None:
    text = problem(write(tmp_path, source=SOURCE.replace("tags: tags", "tags: labels")))
    assert "opportunity.tags comes from 'labels', which is no column of this object" in text


def test_entities_that_refer_to_each_other_in_a_circle(tmp_path: Path) -> None:
    entities = {**ENTITIES, "team": ENTITIES["team"].replace("inputs: {", "inputs: {first: {type: ref, entity: stage}, ")}
    assert "refer to each other in a circle: " in problem(write(tmp_path, entities=entities))


def test_a_reference_to_itself_must_be_written_second(tmp_path: Path) -> None:
    entities = {**ENTITIES, "company": ENTITIES["company"].replace(", write: second", "")}
    text = problem(write(tmp_path, entities=entities))
    assert "fields.parent_id" in text
    assert "needs `write: second`" in text


def test_the_file_name_is_the_project_name(tmp_path: Path) -> None:
    assert "the file is small_test.yaml, but it says 'other'" in problem(write(tmp_path, project=PROJECT.replace("project: small_test", "project: other")))


@pytest.mark.promise("P003")
def test_the_mapping_hash_changes_with_the_mapping_and_not_with_the_connections(tmp_path: Path) -> None:
    root = write(tmp_path)
    first = load_bundle(root, "small_test").mapping_hash
    write(tmp_path, project=PROJECT + "connections: {odoo: another}\ntags: [x]\n")
    assert load_bundle(root, "small_test").mapping_hash == first
    write(tmp_path, project=PROJECT + "timezone: Europe/Berlin\n")
    assert load_bundle(root, "small_test").mapping_hash != first
    write(tmp_path, source=SOURCE.replace("amount: amount", 'amount: {sql: "amount * 2"}'))
    assert load_bundle(root, "small_test").mapping_hash != first


def test_not_utf8_is_said(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"title: caf\xe9\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        YamlFile(path)


def test_a_list_where_a_map_is_expected(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("- a\n")
    with pytest.raises(ConfigError, match="expected keys and values"):
        YamlFile(path).model(Project)


def test_a_reference_that_gives_less_than_tells_the_records_apart_is_refused(tmp_path: Path) -> None:
    """It would find nothing, leave its field empty on every record, and the comparison with Odoo would call that equal."""
    text = problem(write(tmp_path, source=SOURCE.replace("stage: {keys: [pipeline, stage]}", "stage: stage")))
    assert "small.yaml:40:11: objects.deal.entities.0.fields.stage: opportunity.stage would never find a record" in text
    assert "those of stage are told apart by pipeline, stage, and 1 value(s) are given" in text
    assert 'give keys: [<pipeline>, <stage>], in this order, {value: ""} for one that the source has not; or give `object: …`' in text
    text = problem(write(tmp_path, project=PROJECT + "map:\n  deal.opportunity.stage: {from: stage}\n"))
    assert "small_test.yaml:6:3: map.deal.opportunity.stage: opportunity.stage would never find a record" in text
