variable "name" {
  description = "Name of the sandbox, and prefix of every resource."
  type        = string
}

variable "vpc_id" {
  description = "The sandbox's network."
  type        = string
}

variable "subnet_ids" {
  description = "At least two subnets, without a way to the internet."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids: RDS needs subnets in at least two availability zones."
  }
}

variable "client_security_groups" {
  description = "Security groups that may connect: what they are, and their ids."
  type        = map(string)
}

variable "instance_class" {
  description = "RDS instance class."
  type        = string

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class: a class of RDS, such as db.t4g.medium."
  }
}

variable "storage_gb" {
  description = "Storage in GiB."
  type        = number

  validation {
    condition     = var.storage_gb >= 20 && var.storage_gb <= 1000
    error_message = "storage_gb must be between 20 and 1000."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts storage and password."
  type        = string
}
