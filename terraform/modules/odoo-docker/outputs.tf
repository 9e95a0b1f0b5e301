output "url" {
  description = "Where Odoo answers."
  value       = "http://127.0.0.1:${docker_container.odoo.ports[0].external}"
}

output "database" {
  description = "Name of the sandbox's database."
  value       = var.name
}

output "password_command" {
  description = "Prints the password of the user admin. It is in the container's volume alone, never in Terraform's state."
  value       = "docker exec ${docker_container.odoo.name} cat /var/lib/odoo/crm2odoo/admin_password"
}
