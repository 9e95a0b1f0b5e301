output "url" {
  description = "Where Odoo answers."
  value       = module.odoo.url
}

output "database" {
  description = "Name of the sandbox's database."
  value       = module.odoo.database
}

output "credentials_file" {
  description = "JSON file, readable by its owner alone, with login, password and API key."
  value       = module.odoo.credentials_file
}

output "log_file" {
  description = "Odoo's log."
  value       = module.odoo.log_file
}
