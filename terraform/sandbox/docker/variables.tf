variable "name" {
  description = "Name of the sandbox, of its database, and prefix of every container, network and volume."
  type        = string
  default     = "sandbox"
}

variable "docker_host" {
  description = "Address of the Docker engine; null takes DOCKER_HOST or the default socket."
  type        = string
  default     = null
}

variable "modules" {
  description = "Odoo modules to install."
  type        = set(string)
  default     = ["crm", "sale_management", "sale_crm", "account", "project", "calendar", "contacts"]
}

variable "odoo_image" {
  description = "Odoo's image."
  type        = string
  default     = "odoo:19.0"
}

variable "postgres_image" {
  description = "PostgreSQL's image."
  type        = string
  default     = "postgres:17-alpine"
}

variable "http_port" {
  description = "Port on 127.0.0.1; null lets Docker pick a free one."
  type        = number
  default     = null
}
