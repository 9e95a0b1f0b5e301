output "url" {
  description = "Where Odoo answers; null if the sandbox's files are gone."
  value       = try(local.facts.url, null)
}

output "database" {
  description = "Name of the sandbox's database."
  value       = var.name
}

output "credentials_file" {
  description = "JSON file, readable by its owner alone, with login, password and API key. They are nowhere in Terraform's state."
  value       = "${var.run_dir}/credentials.json"
}

output "log_file" {
  description = "Odoo's log."
  value       = "${var.run_dir}/odoo.log"
}
