variable "name" {
  description = "Name of the sandbox, and prefix of every resource; with _ for -, its database."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,20}[a-z0-9]$", var.name))
    error_message = "name: 3 to 22 lower-case letters, digits and hyphens, a letter first."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "vpc_id" {
  description = "The sandbox's network."
  type        = string
}

variable "vpc_cidr" {
  description = "Its address range."
  type        = string
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "Subnets of Odoo, with a way out and none in."
  type        = list(string)
}

variable "allowed_cidrs" {
  description = "Networks from which people and Airflow reach Odoo."
  type        = list(string)

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for c in var.allowed_cidrs : can(cidrhost(c, 0)) && !endswith(c, "/0")])
    error_message = "allowed_cidrs: at least one network in CIDR form, and not the whole internet."
  }
}

variable "domain_name" {
  description = "Name under which Odoo is reached; the certificate must be for it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9-]+(\\.[a-z0-9-]+)+$", var.domain_name))
    error_message = "domain_name: a full name, such as crm-sandbox.example.com."
  }
}

variable "certificate_arn" {
  description = "Certificate of ACM in this region."
  type        = string

  validation {
    condition     = can(regex("^arn:[a-z-]+:acm:", var.certificate_arn))
    error_message = "certificate_arn: the ARN of a certificate of ACM."
  }
}

variable "zone_id" {
  description = "Hosted zone of Route 53 in which the name is made; null when you make it yourself."
  type        = string
  default     = null
}

variable "database" {
  description = "PostgreSQL: address, port, role, and the secret with its password."
  type = object({
    address    = string
    port       = number
    user       = string
    secret_arn = string
  })
}

variable "odoo_image" {
  description = "Odoo's image."
  type        = string
}

variable "modules" {
  description = "Odoo modules to install."
  type        = set(string)

  validation {
    condition     = length(var.modules) > 0 && alltrue([for name in var.modules : can(regex("^[a-z0-9_]+$", name))])
    error_message = "modules: at least one technical name, such as crm."
  }
}

variable "size" {
  description = "Fargate CPU units and MiB of memory."
  type = object({
    cpu    = number
    memory = number
  })

  validation {
    condition     = var.size.memory >= 2048
    error_message = "size: Odoo needs at least 2048 MiB."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts secrets and logs."
  type        = string
}

variable "start_timeout" {
  description = "Seconds for the first start, which installs the modules."
  type        = number
  default     = 1800
}

variable "wait_for_steady_state" {
  description = "Whether apply waits until Odoo answers its health check."
  type        = bool
  default     = true
}
