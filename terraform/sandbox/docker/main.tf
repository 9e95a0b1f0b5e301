provider "docker" {
  host = var.docker_host
}

module "odoo" {
  source         = "../../modules/odoo-docker"
  name           = var.name
  modules        = var.modules
  odoo_image     = var.odoo_image
  postgres_image = var.postgres_image
  http_port      = var.http_port
}
