variable "name" {
  description = "Name of the sandbox, of its database, and prefix of every container, network and volume."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,39}$", var.name))
    error_message = "name: a lower-case letter, then lower-case letters, digits and underscores, at most 40 in all."
  }

  validation {
    condition     = !contains(["postgres", "template0", "template1"], var.name)
    error_message = "name: that database is PostgreSQL's own."
  }
}

variable "odoo_image" {
  description = "Odoo's image. Pin it by digest where runs must repeat exactly."
  type        = string
  default     = "odoo:19.0"
}

variable "postgres_image" {
  description = "PostgreSQL's image."
  type        = string
  default     = "postgres:17-alpine"
}

variable "modules" {
  description = "Odoo modules to install; what they depend on and what installs itself comes along."
  type        = set(string)

  validation {
    condition     = length(var.modules) > 0 && alltrue([for name in var.modules : can(regex("^[a-z0-9_]+$", name))])
    error_message = "modules: at least one technical name, such as crm."
  }
}

variable "http_port" {
  description = "Port on 127.0.0.1; null lets Docker pick a free one."
  type        = number
  default     = null

  validation {
    condition     = var.http_port == null || try(var.http_port >= 1024 && var.http_port <= 65535, false)
    error_message = "http_port must be between 1024 and 65535."
  }
}

variable "memory_mb" {
  description = "Memory of the Odoo container in MiB."
  type        = number
  default     = 2048

  validation {
    condition     = var.memory_mb >= 512
    error_message = "memory_mb: Odoo needs at least 512 MiB."
  }
}

variable "start_timeout" {
  description = "Seconds to wait until Odoo has installed its modules and answers."
  type        = number
  default     = 900
}
