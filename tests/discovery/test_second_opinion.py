"""A language model may be asked about open lines. It sees no value, chooses among candidates, and accepts nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")
from pydantic_ai import UnexpectedModelBehavior
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from crm2odoo.discovery.proposer import ACCEPT, ColumnIn, Proposer
from crm2odoo.discovery.review_file import Review, line_of
from crm2odoo.discovery.second_opinion import ask, open_places

VALUES = {"Email": ["ann@secret.example"], "Kolom 7": ["Ann Secret", "Bob Secret"], "Title": ["Dr Secret"], "Shoe": ["43"]}


@pytest.fixture
def review() -> Review:
    lines = [line_of(p, 1, "text") for p in Proposer().propose("contact", [ColumnIn(h, v) for h, v in VALUES.items()])]
    lines[3] = lines[3].model_copy(update={"locked": True, "confidence": 0.1})
    return Review(source="x", object="contact", kind="contact", title="Contact", files=["contacts"], columns=lines)


def answering(answers: list[dict[str, Any]], seen: list[str]) -> FunctionModel:
    def run(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append(str(messages))
        choices = [{"confidence": 1.0, "reason": "says so", **a} for a in answers]
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, {"choices": choices})])

    return FunctionModel(run)


def test_only_open_lines_are_asked_about_and_no_value_leaves(review: Review) -> None:
    seen: list[str] = []
    assert open_places(review) == [1, 2]
    ask(review, answering([{"column": 1, "target": "custom"}, {"column": 2, "target": "function"}], seen))
    assert "Kolom 7" in seen[0]
    assert "Email" not in seen[0].replace("e-mail", "")
    assert "ecret" not in seen[0]
    assert "Shoe" not in seen[0]


def test_agreement_never_reaches_the_line_of_acceptance_and_doubt_lowers_it(review: Review) -> None:
    done = ask(review, answering([{"column": 1, "target": "ignore"}, {"column": 2, "target": "function"}], []))
    other, same = done.columns[1], done.columns[2]
    assert (same.target, review.columns[2].confidence < same.confidence < ACCEPT) == ("function", True)
    assert (other.decision, other.alternatives[0], other.confidence) == (review.columns[1].decision, "ignore", 0.5)
    assert [done.columns[0], done.columns[3]] == [review.columns[0], review.columns[3]]
    assert json.loads(done.model_dump_json())


@pytest.mark.parametrize("answers", [[{"column": 1, "target": "res_users_password"}, {"column": 2, "target": "function"}], [{"column": 1, "target": "custom"}]])
def test_an_answer_outside_of_the_candidates_is_refused(review: Review, answers: list[dict[str, Any]]) -> None:
    with pytest.raises(UnexpectedModelBehavior):
        ask(review, answering(answers, []))
