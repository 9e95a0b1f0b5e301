variable "name" {
  description = "Name of the sandbox, and prefix of every resource."
  type        = string
}

variable "cidr" {
  description = "Address range of the sandbox's own network."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) <= 25 && tonumber(split("/", var.cidr)[1]) >= 16, false)
    error_message = "cidr: a range such as 10.42.0.0/24, from /16 to /25."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the flow logs."
  type        = string
}
