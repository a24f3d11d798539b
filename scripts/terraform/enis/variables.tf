variable "vpc_id" {
  type        = string
  description = "ID of the VPC that the sources are in."

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "The vpc_id must be the ID of a VPC, as \"vpc-0123456789abcdef0\"."
  }
}

variable "asg_names" {
  type        = list(string)
  default     = []
  description = "Auto Scaling Groups: the primary network interface of each of their instances."
}

variable "eks_name" {
  type        = string
  default     = ""
  description = "EKS cluster: all network interfaces of its nodes, since pods have addresses on any of them."
}

variable "eks_node_group_names" {
  type        = list(string)
  default     = []
  description = "Only these managed node groups of the EKS cluster. Default: all."
}

variable "elb_names" {
  type        = list(string)
  default     = []
  description = "Classic and Application Load Balancers: the network interfaces that they have now. A load balancer that grows gets others; apply again then."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Instances that have all of these tags: their primary network interface."
}
