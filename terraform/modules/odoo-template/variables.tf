variable "helper" {
  description = "How local-exec runs crm2odoo.sandbox: the Python interpreter, and the folder that holds the package."
  type = object({
    python = string
    path   = string
  })
}

variable "home" {
  description = "Absolute folder that holds all state. Kept short: a Unix socket lies below it, and its path may have 107 characters."
  type        = string

  validation {
    condition     = startswith(var.home, "/") && length(var.home) <= 80
    error_message = "home must be an absolute path of at most 80 characters: a Unix socket lies below it."
  }
}

variable "postgres" {
  description = "The server: the folder of its socket, and the roles of its administrator and of Odoo."
  type = object({
    host       = string
    port       = optional(number, 5432)
    admin_user = optional(string, "postgres")
    user       = optional(string, "odoo")
  })

  validation {
    condition     = var.postgres.user != "postgres"
    error_message = "Odoo refuses to run as the database role \"postgres\"."
  }
}

variable "odoo" {
  description = "How to start Odoo: the command as a list, environment to add, and a text that changes when Odoo itself changes."
  type = object({
    command     = list(string)
    version     = string
    environment = optional(map(string), {})
  })

  validation {
    condition     = length(var.odoo.command) > 0
    error_message = "odoo.command needs at least one element."
  }
}

variable "database" {
  description = "Name of the template database."
  type        = string
  default     = "odoo_template"

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,39}$", var.database))
    error_message = "database: a lower-case letter, then lower-case letters, digits and underscores, at most 40 in all."
  }
}

variable "modules" {
  description = "Odoo modules that the template has installed; what they depend on and what installs itself comes along."
  type        = set(string)

  validation {
    condition     = length(var.modules) > 0 && alltrue([for name in var.modules : can(regex("^[a-z0-9_]+$", name))])
    error_message = "modules: at least one technical name, such as crm."
  }
}

variable "demo" {
  description = "Whether Odoo's own demonstration data is installed."
  type        = bool
  default     = false
}
