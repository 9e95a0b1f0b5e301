variable "name" {
  description = "Name of the sandbox."
  type        = string
}

variable "region" {
  description = "AWS region of the sandbox."
  type        = string
}
