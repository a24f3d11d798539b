variable "name" {
  type        = string
  description = "Name of all of it."
}

variable "vpc_id" {
  type        = string
  description = "ID of the VPC."
}

variable "endpoint" {
  type        = string
  description = "Where requests go."
}

variable "size" {
  type        = number
  default     = 2
  description = "How many instances."

  validation {
    condition     = var.size >= 2 && floor(var.size) == var.size
    error_message = "The size must be a whole number, 2 at least."
  }
}

variable "allow" {
  type        = list(string)
  default     = []
  description = "Which requests are sent."
}

variable "ingress" {
  type = map(object({
    port     = number
    protocol = optional(string, "tcp")
    cidrs    = list(string)
  }))
  description = "What comes in."
}
