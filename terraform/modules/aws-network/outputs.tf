output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer."
  value       = aws_subnet.public[*].id
}

output "private_subnet_ids" {
  description = "Subnets of Odoo: a way out, none in."
  value       = aws_subnet.private[*].id
}

output "database_subnet_ids" {
  description = "Subnets of the database: no way out, and in only from Odoo."
  value       = aws_subnet.database[*].id
}
