# guard    owns the clean-up; it is never tainted, so its destroy provisioner always runs: see local-postgres.
# database is cloned from the template.
# server   is one Odoo process that answered, with an API key. Login, password and key are in the credentials file alone.
resource "terraform_data" "guard" {
  input = {
    helper   = var.helper
    name     = var.name
    run_dir  = var.run_dir
    postgres = var.postgres
  }
  triggers_replace = [var.name, var.run_dir, var.postgres]

  provisioner "local-exec" {
    when        = destroy
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "sandbox-destroy"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(merge(self.input, { owner = self.id }))
    }
  }
}

resource "terraform_data" "database" {
  input = merge(terraform_data.guard.output, {
    owner             = terraform_data.guard.id
    template          = var.template.database
    template_data_dir = var.template.data_dir
  })
  triggers_replace = [terraform_data.guard.id]

  provisioner "local-exec" {
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "database-create"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(self.input)
    }
  }
}

resource "terraform_data" "server" {
  input = merge(terraform_data.guard.output, {
    owner         = terraform_data.guard.id
    odoo          = var.odoo
    http_port     = var.http_port
    workers       = var.workers
    start_timeout = var.start_timeout
  })
  triggers_replace = [terraform_data.database.id, var.odoo, var.http_port, var.workers]

  provisioner "local-exec" {
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "server-start"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(merge(self.input, { id = self.id }))
    }
  }

  # Stops Odoo before its database is replaced. Skipped when this resource is tainted; then the guard or the next start
  # does it.
  provisioner "local-exec" {
    when        = destroy
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "server-stop"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(self.input)
    }
  }
}

locals {
  # An id in the file's name keeps it unknown until the file has been written.
  facts = try(jsondecode(file("${var.run_dir}/facts-${terraform_data.server.id}.json")), null)
}
