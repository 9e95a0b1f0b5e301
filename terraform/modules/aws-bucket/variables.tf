variable "name" {
  description = "Prefix of the bucket's name."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the files."
  type        = string
}

variable "keep_exports_days" {
  description = "Days after which the customer's exports are deleted."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_exports_days >= 1
    error_message = "keep_exports_days must be at least 1."
  }
}

variable "keep_documents_days" {
  description = "Days after which reports and signed documents are deleted."
  type        = number
  default     = 365

  validation {
    condition     = var.keep_documents_days >= 30
    error_message = "keep_documents_days must be at least 30: people sign these documents."
  }
}
