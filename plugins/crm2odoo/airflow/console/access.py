"""Who asks, and what they may do. The console has no rights of its own: it asks Airflow's auth manager about the DAGs of the project.

Who may read every DAG of a project reads its pages; who may edit every one of them decides and signs. A form must bring back the token that
its page was given, because the cookie alone comes along with a form on a stranger's page as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Form, HTTPException, Request
from itsdangerous import BadSignature, URLSafeTimedSerializer

TOKEN_SECONDS = 12 * 3600
Method = Literal["GET", "PUT"]


def allowed(user: Any, method: Method, dag_ids: Iterable[str]) -> bool:
    """Whether the user may do it to every one of the DAGs."""
    asked: Any = [{"method": method, "details": _details(dag_id)} for dag_id in dag_ids]
    return bool(get_auth_manager().batch_is_authorized_dag(asked, user=user))


def require(user: Any, method: Method, dag_ids: Iterable[str]) -> None:
    """Raises HTTPException 403."""
    if not allowed(user, method, dag_ids):
        what = "read" if method == "GET" else "edit"
        raise HTTPException(403, f"You need the right to {what} every DAG of this project. Ask whoever gives out rights in this Airflow.")


def token(user: Any) -> str:
    """What a form of this user must bring back."""
    return _signer().dumps(str(user.get_id()))


def check_token(request: Request, user: GetUserDep, csrf: Annotated[str, Form()] = "") -> None:
    """Raises HTTPException 403 unless the form was given out by us, to this user, in the last hours, and sent from one of our own pages."""
    try:
        signed = _signer().loads(csrf, max_age=TOKEN_SECONDS)
    except BadSignature:
        signed = None
    origin = request.headers.get("origin")
    foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host"):
        foreign = foreign or urlsplit(origin).netloc != urlsplit(conf.get("api", "base_url", fallback="")).netloc
    if signed != str(user.get_id()) or foreign:
        what = "This form is too old, or it did not come from this page."
        raise HTTPException(403, f"{what} Nothing was written. Go back, load the page again, and repeat.")


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(conf.get_mandatory_value("api", "secret_key"), salt="crm2odoo.console")


def _details(dag_id: str) -> DagDetails:
    # Airflow before 3.2 has no teams.
    if "team_name" in DagDetails.__dataclass_fields__:
        return DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    return DagDetails(id=dag_id)
