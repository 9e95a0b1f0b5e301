# The guard is created by nothing that can fail, so it is never tainted, and Terraform does run its destroy provisioner
# (it skips those of tainted resources). It alone cleans up.
resource "terraform_data" "guard" {
  input = {
    helper  = var.helper
    home    = var.home
    bin_dir = var.postgres_bin_dir
  }
  triggers_replace = [var.home]

  provisioner "local-exec" {
    when        = destroy
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "postgres-remove"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(self.input)
    }
  }
}

resource "terraform_data" "server" {
  input            = terraform_data.guard.output
  triggers_replace = [terraform_data.guard.id]

  provisioner "local-exec" {
    interpreter = [self.input.helper.python, "-m", "crm2odoo.sandbox"]
    command     = "postgres-start"
    environment = {
      PYTHONPATH       = self.input.helper.path
      CRM2ODOO_SANDBOX = jsonencode(merge(self.input, { id = self.id }))
    }
  }
}

locals {
  # The file's name holds an id that is unknown until the file has been written: otherwise Terraform would read it while
  # planning, and fail.
  facts = try(jsondecode(file("${var.home}/postgres-${terraform_data.server.id}.json")), null)
}
