#!/bin/bash
# What Odoo's container runs. The first start installs the modules, neutralises the database (no mail goes out, no job
# runs), and gives the administrator a random password, which stays in a file of the container's own volume. Each step
# is marked in the volume, so that a start that was cut off goes on where it was.
set -euo pipefail
umask 077
store=/var/lib/odoo/crm2odoo
mkdir -p "$store"
options=(--database "$SANDBOX_DATABASE" --no-http --log-level warn)

if [ ! -e "$store/ready" ]; then
  /entrypoint.sh odoo "${options[@]}" --stop-after-init --without-demo=true -i "$SANDBOX_MODULES"
  /entrypoint.sh odoo neutralize --database "$SANDBOX_DATABASE"
  [ -s "$store/admin_password" ] || python3 -c 'import secrets; print(secrets.token_urlsafe(18), end="")' > "$store/admin_password"
  /entrypoint.sh odoo shell "${options[@]}" <<'PYTHON'
with open("/var/lib/odoo/crm2odoo/admin_password") as file:
    env.ref("base.user_admin").password = file.read()
env.cr.commit()
PYTHON
  touch "$store/ready"
fi

exec /entrypoint.sh odoo --database "$SANDBOX_DATABASE" --db-filter "^$SANDBOX_DATABASE\$" --no-database-list \
  --max-cron-threads 0
