variable "base_state" {
  description = "Terraform state file of terraform/sandbox/base, which must have been applied."
  type        = string
}

variable "name" {
  description = "Name of the sandbox, and of its database."
  type        = string
}

variable "http_port" {
  description = "Port on 127.0.0.1; null picks a free one."
  type        = number
  default     = null
}

variable "workers" {
  description = "Odoo's worker processes; 0 runs one process with threads."
  type        = number
  default     = 0
}

variable "start_timeout" {
  description = "Seconds to wait until Odoo answers."
  type        = number
  default     = 90
}

variable "odoo" {
  description = "Another way to start Odoo than the base's; null for the base's."
  type = object({
    command     = list(string)
    version     = string
    environment = optional(map(string), {})
  })
  default = null
}
