locals {
  # What makes a template another one. Where Odoo's files lie does not.
  fingerprint = "crm2odoo template ${substr(sha256(jsonencode([sort(var.modules), var.demo, var.odoo.version])), 0, 16)}"
}

# Never tainted, so that it always cleans up: see local-postgres.
resource "terraform_data" "guard" {
  input = {
    helper   = var.helper
    home     = var.home
    postgres = var.postgres
    template = var.database
  }
  triggers_replace = [var.home, var.database]

  provisioner "local-exec" {
    when        = destroy
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "template-drop"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(self.input)
    }
  }
}

resource "terraform_data" "template" {
  input = merge(terraform_data.guard.output, {
    odoo        = var.odoo
    modules     = sort(var.modules)
    demo        = var.demo
    fingerprint = local.fingerprint
  })
  triggers_replace = [terraform_data.guard.id, local.fingerprint]

  provisioner "local-exec" {
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "template-ensure"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(self.input)
    }
  }
}
