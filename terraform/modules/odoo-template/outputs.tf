output "database" {
  description = "Name of the template database, once it is ready."
  value       = terraform_data.template.output.template
}

output "data_dir" {
  description = "Odoo data folder that holds the template's files."
  value       = "${terraform_data.template.output.home}/template-data"
}

output "fingerprint" {
  description = "Changes when the modules or Odoo itself change; the template is then built again."
  value       = local.fingerprint
}
