variable "name" {
  description = "Name of the sandbox, and prefix of every resource; with _ for -, its database."
  type        = string
  default     = "crm-sandbox"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name: 3 to 22 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "allowed_cidrs" {
  description = "Networks from which people and Airflow reach Odoo. Nobody, unless given."
  type        = list(string)
}

variable "domain_name" {
  description = "Name under which Odoo is reached; the certificate must be for it."
  type        = string
}

variable "certificate_arn" {
  description = "Certificate of ACM in this region."
  type        = string
}

variable "zone_id" {
  description = "Hosted zone of Route 53 in which the name is made; null when you make it yourself."
  type        = string
  default     = null
}

variable "vpc_cidr" {
  description = "Address range of the sandbox's own network."
  type        = string
  default     = "10.42.0.0/24"
}

variable "odoo_image" {
  description = "Odoo's image."
  type        = string
  default     = "odoo:19.0"
}

variable "modules" {
  description = "Odoo modules to install."
  type        = set(string)
  default     = ["crm", "sale_management", "sale_crm", "account", "project", "calendar", "contacts"]
}

variable "db_instance_class" {
  description = "RDS instance class."
  type        = string
  default     = "db.t4g.medium"
}

variable "db_storage_gb" {
  description = "Storage of the database in GiB."
  type        = number
  default     = 20
}

variable "size" {
  description = "Fargate CPU units and MiB of memory."
  type = object({
    cpu    = optional(number, 2048)
    memory = optional(number, 4096)
  })
  default = {}
}

variable "keep_exports_days" {
  description = "Days after which the customer's exports are deleted from the bucket."
  type        = number
  default     = 30
}

variable "keep_documents_days" {
  description = "Days after which documents are deleted from the bucket."
  type        = number
  default     = 365
}

variable "tags" {
  description = "Tags for every resource."
  type        = map(string)
  default     = {}
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until Odoo answers its health check."
  type        = bool
  default     = true
}
