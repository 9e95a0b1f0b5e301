output "url" {
  description = "Where Odoo answers."
  value       = module.odoo.url
}

output "database" {
  description = "Name of the sandbox's database."
  value       = module.odoo.database
}

output "password_command" {
  description = "Prints the password of the user admin."
  value       = module.odoo.password_command
}
