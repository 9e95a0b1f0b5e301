module "postgres" {
  source           = "../../modules/local-postgres"
  helper           = var.helper
  home             = var.home
  postgres_bin_dir = var.postgres_bin_dir
}

module "template" {
  source   = "../../modules/odoo-template"
  helper   = var.helper
  home     = var.home
  postgres = module.postgres.connection
  odoo     = var.odoo
  modules  = var.modules
}
