# Built into Terraform, like terraform_data.
data "terraform_remote_state" "base" {
  backend = "local"
  config  = { path = var.base_state }

  lifecycle {
    postcondition {
      condition     = can(self.outputs.template.database)
      error_message = "There is no template yet: apply terraform/sandbox/base first."
    }
  }
}

locals {
  base = data.terraform_remote_state.base.outputs
}

module "odoo" {
  source        = "../../modules/odoo-local"
  name          = var.name
  run_dir       = "${local.base.home}/sandboxes/${var.name}"
  helper        = local.base.helper
  postgres      = local.base.postgres
  template      = local.base.template
  odoo          = var.odoo != null ? var.odoo : local.base.odoo
  http_port     = var.http_port
  workers       = var.workers
  start_timeout = var.start_timeout
}

# In the root, not in the module: `terraform test` with command = plan counts a check that is only known after apply as
# an error.
check "files" {
  assert {
    condition     = module.odoo.url != null
    error_message = "The sandbox's files are gone: take it down and bring it up again."
  }
}
