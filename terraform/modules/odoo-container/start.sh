#!/bin/bash
# What a container of Odoo's image runs in a sandbox, on Docker and on AWS.
#
# The first start installs the modules, neutralises the database (no mail goes out, no job runs) and gives the
# administrator a password: $ADMIN_PASSWORD, or else a random one, which stays in a file of the container's own volume.
# The mark `crm2odoo.sandbox` in the database says that all of it is done; a start that was cut off begins anew.
#
# HOST, PORT, USER and PASSWORD are what the image wants for PostgreSQL.
set -euo pipefail
umask 077

ready() {
  python3 - <<'PYTHON'
import os, sys
import psycopg2

names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "SANDBOX_DATABASE"}
try:
    with psycopg2.connect(**{key: os.environ[name] for key, name in names.items()}) as connection:
        cursor = connection.cursor()
        cursor.execute("select 1 from ir_config_parameter where key = 'crm2odoo.sandbox'")
        sys.exit(cursor.fetchone() is None)
except psycopg2.Error:
    sys.exit(1)
PYTHON
}

if ! ready; then
  options=(--database "$SANDBOX_DATABASE" --no-http --log-level warn)
  /entrypoint.sh odoo "${options[@]}" --stop-after-init --without-demo=true -i "$SANDBOX_MODULES"
  /entrypoint.sh odoo neutralize --database "$SANDBOX_DATABASE"
  if [ -z "${ADMIN_PASSWORD:-}" ]; then
    mkdir -p /var/lib/odoo/crm2odoo
    python3 -c 'import secrets; print(secrets.token_urlsafe(18), end="")' > /var/lib/odoo/crm2odoo/admin_password
    ADMIN_PASSWORD=$(cat /var/lib/odoo/crm2odoo/admin_password)
  fi
  export ADMIN_PASSWORD
  # A container may lose its disk: attachments go into the database.
  /entrypoint.sh odoo shell "${options[@]}" <<'PYTHON'
import os
env.ref("base.user_admin").password = os.environ["ADMIN_PASSWORD"]
env["ir.config_parameter"].set_param("ir_attachment.location", "db")
env["ir.attachment"].force_storage()
env["ir.config_parameter"].set_param("crm2odoo.sandbox", "ready")
env.cr.commit()
PYTHON
fi

unset ADMIN_PASSWORD
exec /entrypoint.sh odoo --database "$SANDBOX_DATABASE" --db-filter "^$SANDBOX_DATABASE\$" --no-database-list \
  --max-cron-threads 0 --proxy-mode
