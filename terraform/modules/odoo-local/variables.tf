variable "helper" {
  description = "How local-exec runs crm2odoo.sandbox: the Python interpreter, and the folder that holds the package."
  type = object({
    python = string
    path   = string
  })
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

variable "name" {
  description = "Name of the sandbox, and of its database."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,39}$", var.name))
    error_message = "name: a lower-case letter, then lower-case letters, digits and underscores, at most 40 in all."
  }

  validation {
    condition     = !contains(["postgres", "template0", "template1", "crm2odoo", "airflow", "odoo_template"], var.name)
    error_message = "name: that database is not for a sandbox."
  }
}

variable "run_dir" {
  description = "Absolute folder for this sandbox alone: configuration, log, files, credentials. Removed on destroy."
  type        = string

  validation {
    condition     = startswith(var.run_dir, "/") && length(split("/", trimsuffix(var.run_dir, "/"))) > 3
    error_message = "run_dir must be an absolute path at least three folders deep: it is deleted on destroy."
  }
}

variable "template" {
  description = "The template database, and the data folder that holds its files."
  type = object({
    database = string
    data_dir = string
  })
}

variable "http_port" {
  description = "Port on 127.0.0.1; null picks a free one."
  type        = number
  default     = null

  validation {
    condition     = var.http_port == null || try(var.http_port >= 1024 && var.http_port <= 65535, false)
    error_message = "http_port must be between 1024 and 65535."
  }
}

variable "workers" {
  description = "Odoo's worker processes; 0 runs one process with threads."
  type        = number
  default     = 0

  validation {
    condition     = var.workers >= 0 && var.workers <= 64 && floor(var.workers) == var.workers
    error_message = "workers must be a whole number from 0 to 64."
  }
}

variable "start_timeout" {
  description = "Seconds to wait until Odoo answers."
  type        = number
  default     = 90
}
