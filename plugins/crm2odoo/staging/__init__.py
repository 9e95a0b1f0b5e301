"""PostgreSQL as the workshop: templates of ``sql/`` rendered, checked and run in a project's four schemas."""

from crm2odoo.staging.kept_connections import Connection, kept_connections
from crm2odoo.staging.log_schema import NewerLog
from crm2odoo.staging.render import UnsafeSql
from crm2odoo.staging.target import MappingConflict, build_target
from crm2odoo.staging.workspace import StagingUnreachable, Workspace

__all__ = ["Connection", "MappingConflict", "NewerLog", "StagingUnreachable", "UnsafeSql", "Workspace", "build_target", "kept_connections"]
