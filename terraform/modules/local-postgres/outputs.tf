output "connection" {
  description = "Where the server listens, and the roles of its administrator and of Odoo."
  value = {
    host       = try(local.facts.host, "${var.home}/pg")
    port       = try(local.facts.port, 5432)
    admin_user = "postgres"
    user       = "odoo"
  }
}
