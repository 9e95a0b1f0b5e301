"""State in PostgreSQL: the backend `pg` of Terraform, on the embedded server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import quote

from state_folder import Home

from crm2odoo.sandbox import terraform
from crm2odoo.sandbox.postgres import connect

ROOT = """
terraform {
  backend "pg" {}
}
resource "terraform_data" "this" {
  input = "kept in PostgreSQL"
}
output "this" {
  value = terraform_data.this.output
}
"""


def test_state_can_be_in_postgresql(base_home: Home, tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(ROOT)
    address = f"postgres://crm2odoo@/crm2odoo?host={quote(str(base_home.path / 'pg'), safe='')}&sslmode=disable"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")} | {"PG_CONN_STR": address, "CHECKPOINT_DISABLE": "1"}

    def run(*words: str) -> str:
        command = [*terraform.terraform_command(), f"-chdir={tmp_path}", *words, "-no-color"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("init")
    run("apply", "-auto-approve")
    assert not list(tmp_path.glob("*.tfstate"))
    with connect(base_home.server, "crm2odoo", "crm2odoo") as cursor:
        [(state,)] = cursor.execute("select data from terraform_remote_state.states").fetchall()
        assert "kept in PostgreSQL" in state
        run("destroy", "-auto-approve")
        [(state,)] = cursor.execute("select data from terraform_remote_state.states").fetchall()
        assert "kept in PostgreSQL" not in state
        cursor.execute("drop schema terraform_remote_state cascade")
