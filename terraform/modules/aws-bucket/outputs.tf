output "name" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.bucket
}

output "exports" {
  description = "Where the customer's exports go: `export` of the project file."
  value       = "s3://${aws_s3_bucket.this.bucket}/exports"
}

output "documents" {
  description = "Where reports and documents go: `documents` of the project file."
  value       = "s3://${aws_s3_bucket.this.bucket}/documents"
}
