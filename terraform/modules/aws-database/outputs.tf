output "address" {
  description = "Host name, inside the network alone."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port."
  value       = aws_db_instance.this.port
}

output "user" {
  description = "Role that owns the databases."
  value       = aws_db_instance.this.username
}

output "secret_arn" {
  description = "Secret of Secrets Manager that holds the password; RDS made it, and Terraform never sees it."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
