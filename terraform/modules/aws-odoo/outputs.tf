output "url" {
  description = "Where Odoo answers."
  value       = "https://${var.domain_name}"
}

output "database" {
  description = "Name of the sandbox's database."
  value       = local.database
}

output "admin_secret_arn" {
  description = "Secret of Secrets Manager with the password of the user admin."
  value       = aws_cloudformation_stack.admin_password.outputs["Arn"]
}

output "load_balancer" {
  description = "Name of the load balancer, for a CNAME record when zone_id is null."
  value       = aws_lb.this.dns_name
}

output "security_group_id" {
  description = "Security group of Odoo, which the database lets in."
  value       = aws_security_group.odoo.id
}
