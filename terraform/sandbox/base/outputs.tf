output "postgres" {
  description = "Where PostgreSQL listens, and the roles of its administrator and of Odoo."
  value       = module.postgres.connection
}

output "template" {
  description = "The template database, and the data folder that holds its files."
  value = {
    database = module.template.database
    data_dir = module.template.data_dir
  }
}

output "home" {
  description = "The folder that holds all state."
  value       = var.home
}

output "odoo" {
  description = "How Odoo is started."
  value       = var.odoo
}

output "helper" {
  description = "How local-exec runs crm2odoo.sandbox."
  value       = var.helper
}
