"""Tasks that wait for a person, and keep the verdict where the tasks that write look for it."""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from crm2odoo.airflow.connections import staging_dsn
from crm2odoo.airflow.failures import person_readable
from crm2odoo.airflow.run_state import run_key
from crm2odoo.ledger import approvals, runbook, runs
from crm2odoo.project import Bundle
from crm2odoo.staging import Workspace


class SignOff(HITLOperator):
    """Shows what an earlier task prepared, waits, and records who decided what about which hashes in ``<p>_log.approval``.

    ``shown_by`` is the id of a task of the same run that returned ``{"body": Markdown, "hashes": {subject: hash}}``. A rejection is
    recorded too and fails the run. With no hashes there is nothing to decide, and the task is skipped.

    ``waives``: Approve is recorded as *waived*: something is not as it should be, and a named person lets it pass. ``ends_run``: with
    Approve the run has succeeded. ``marks``: the step of the cutover's runbook that is done with Approve.
    """

    APPROVE = "Approve"
    REJECT = "Reject"

    def __init__(
        self, *, bundle: Bundle, shown_by: str, waives: bool = False, ends_run: bool = False, marks: str | None = None, **kwargs: Any
    ) -> None:
        # The caller may not set these: they follow from the project and from the task that prepared the page.
        kwargs.setdefault("assigned_users", [{"id": user, "name": user} for user in bundle.project.approvers] or None)
        comment = Param(None, type=["null", "string"], format="multiline", title="Comment", description="Kept with the verdict.")
        kwargs["params"] = {"comment": comment}
        super().__init__(
            body="{{ ti.xcom_pull(task_ids=" + repr(shown_by) + ")['body'] }}",
            options=[self.APPROVE, self.REJECT],
            retries=0,
            **kwargs,
        )
        # Airflow hands the DAG's params down, and before 3.2 shows them in the form; the form of a sign-off has its own.
        self.params = ParamsDict({"comment": comment})
        self.bundle = bundle
        self.shown_by, self.waives, self.ends_run, self.marks = shown_by, waives, ends_run, marks

    def execute(self, context: Any) -> Any:
        """Parks until somebody answers; skipped when there is nothing to decide."""
        if not context["ti"].xcom_pull(task_ids=self.shown_by)["hashes"]:
            raise AirflowSkipException(f"{self.shown_by} found nothing to decide")
        return super().execute(context)

    @person_readable
    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Records the verdict; raises AirflowFailException on a rejection, so that everything after it is seen not to run."""
        answer = super().execute_complete(context=context, event=event)
        approved = answer["chosen_options"] == [self.APPROVE]
        user = answer["responded_by_user"] or {}
        by = user.get("name") or user.get("id") or "unknown"
        comment = (answer["params_input"] or {}).get("comment")
        shown = context["ti"].xcom_pull(task_ids=self.shown_by)
        ws = Workspace.open(self.bundle, staging_dsn(self.bundle.project))
        run_id = run_key(context["dag_run"].dag_id, context["dag_run"].run_id)
        verdict: approvals.Verdict = "rejected" if not approved else "waived" if self.waives else "approved"
        for subject, hash_ in shown["hashes"].items():
            approvals.record(
                ws, subject=subject, hash=hash_, verdict=verdict, by=by, comment=comment,
                run_id=f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}", seen={"body": shown["body"], "hashes": shown["hashes"]},
            )
        if not approved:
            raise AirflowFailException(
                f"{by} rejected: {self.subject}. Comment: {comment or 'none'}. Nothing after this task runs. "
                "Remove the reason, then trigger the DAG again; or clear this task to decide once more."
            )
        if self.marks:
            runbook.done(ws, run_id, self.marks)
        if self.ends_run:
            runs.finish(ws, run_id, "success")
        self.log.info("%s %s: %s", by, verdict, self.subject)
        return answer
