output "url" {
  description = "Where Odoo answers."
  value       = module.odoo.url
}

output "database" {
  description = "Name of the sandbox's database."
  value       = module.odoo.database
}

output "admin_secret_arn" {
  description = "Secret of Secrets Manager with the password of the user admin."
  value       = module.odoo.admin_secret_arn
}

output "database_secret_arn" {
  description = "Secret of Secrets Manager with the password of the database."
  value       = module.database.secret_arn
}

output "exports" {
  description = "`export` of the project file starts with it."
  value       = module.bucket.exports
}

output "documents" {
  description = "`documents` of the project file."
  value       = module.bucket.documents
}

output "load_balancer" {
  description = "Name of the load balancer, for a CNAME record when zone_id is null."
  value       = module.odoo.load_balancer
}
