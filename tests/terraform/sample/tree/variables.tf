variable "region" {
  type        = string
  default     = "eu-central-1"
  description = "AWS region."
}

variable "app_name" {
  type        = string
  default     = "shop"
  description = "Prefix of all names."

  validation {
    condition     = can(regex("^[a-z]{1,8}$", var.app_name))
    error_message = "The app_name must be up to 8 small letters."
  }
}

variable "vpc_id" {
  type        = string
  description = "ID of the VPC."
}

variable "token" {
  type        = string
  sensitive   = true
  description = "Node token."
}

variable "zones" {
  type        = set(string)
  default     = ["a", "b"]
  description = "Zones."
}

variable "allow" {
  type        = list(string)
  default     = []
  description = "Which requests are sent."
}
