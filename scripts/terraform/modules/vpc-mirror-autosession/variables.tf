# What the caller says: where to mirror to, which instances, and how the function runs.

variable "app_name" {
  type        = string
  description = "Name of the function and prefix of what else is created, and the value of the tag by which the function knows its sessions. Unique in the account."
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,50}$", var.app_name))
    error_message = "app_name must be 1 to 50 letters, digits, '-' or '_'."
  }
}

variable "vpc_id" {
  type        = string
  description = "VPC whose instances are mirrored."
  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the ID of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "filter_id" {
  type        = string
  description = "Traffic mirror filter of the sessions."
  validation {
    condition     = can(regex("^tmf-[0-9a-f]+$", var.filter_id))
    error_message = "filter_id must be the ID of a traffic mirror filter, such as tmf-0123456789abcdef0."
  }
}

variable "target_id" {
  type        = string
  description = "Traffic mirror target of the sessions."
  validation {
    condition     = can(regex("^tmt-[0-9a-f]+$", var.target_id))
    error_message = "target_id must be the ID of a traffic mirror target, such as tmt-0123456789abcdef0."
  }
}

variable "vxlan_id" {
  type        = number
  description = "VXLAN network identifier (VNI) of the sessions."
  validation {
    condition     = var.vxlan_id >= 0 && var.vxlan_id <= 16777215 && floor(var.vxlan_id) == var.vxlan_id
    error_message = "vxlan_id must be a whole number from 0 to 16777215."
  }
}

variable "packet_length" {
  type        = number
  description = "Bytes of each packet that are mirrored. A Network Load Balancer takes at most 8500."
  default     = 8500
  validation {
    condition     = var.packet_length >= 1 && var.packet_length <= 8500 && floor(var.packet_length) == var.packet_length
    error_message = "packet_length must be a whole number from 1 to 8500."
  }
}

variable "session_number" {
  type        = number
  description = "Session number to begin with; where another session has it, the next free one of ten is taken. A packet goes to the matching session with the lowest number only: with other mirroring tools on the same interfaces, choose with care."
  default     = 1
  validation {
    condition     = var.session_number >= 1 && var.session_number <= 32766 && floor(var.session_number) == var.session_number
    error_message = "session_number must be a whole number from 1 to 32766."
  }
}

variable "asg_names" {
  type        = list(string)
  description = "Auto Scaling Groups whose instances are mirrored."
  default     = []
}

variable "eks_cluster_names" {
  type        = list(string)
  description = "EKS clusters whose nodes are mirrored (tag eks:cluster-name, aws:eks:cluster-name or kubernetes.io/cluster/NAME)."
  default     = []
}

variable "instance_tags" {
  type        = map(string)
  description = "Instances that have all of these tags are mirrored, besides those of asg_names and eks_cluster_names."
  default     = {}
}

variable "interfaces" {
  type        = string
  description = "Which interfaces of an instance: 'primary', or 'all' (pods of the VPC CNI are on the others, too)."
  default     = "primary"
  validation {
    condition     = contains(["primary", "all"], var.interfaces)
    error_message = "interfaces must be 'primary' or 'all'."
  }
}

variable "excluded_interface_ids" {
  type        = list(string)
  description = "Network interfaces that are never mirrored."
  default     = []
  validation {
    condition     = alltrue([for id in var.excluded_interface_ids : can(regex("^eni-[0-9a-f]+$", id))])
    error_message = "excluded_interface_ids must be IDs of network interfaces, such as eni-0123456789abcdef0."
  }
}

variable "excluded_security_group_ids" {
  type        = list(string)
  description = "Interfaces in one of these security groups are never mirrored: those of the rebuilder, of the load balancer of the nodes, and of the nodes."
  default     = []
  validation {
    condition     = alltrue([for id in var.excluded_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "excluded_security_group_ids must be IDs of security groups, such as sg-0123456789abcdef0."
  }
}

variable "excluded_instance_types" {
  type        = list(string)
  description = "Instance types that AWS can't mirror, with * and ?, such as \"t2.*\". They are found out without this, by trying each interface once an hour."
  default     = []
}

variable "schedule_minutes" {
  type        = number
  description = "Minutes between two reconciliations of everything."
  default     = 5
  validation {
    condition     = var.schedule_minutes >= 1 && var.schedule_minutes <= 60 && floor(var.schedule_minutes) == var.schedule_minutes
    error_message = "schedule_minutes must be a whole number from 1 to 60."
  }
}

variable "timeout_seconds" {
  type        = number
  description = "Longest run of the function. It begins no call in the last 45 seconds and leaves the rest to the next run; four sessions a second can be created."
  default     = 240
  validation {
    condition     = var.timeout_seconds >= 90 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 90 to 900."
  }
}

variable "reserved_concurrency" {
  type        = number
  description = "1 keeps two runs from working on the same interface. -1 reserves nothing, for an account whose limit is too low; a doubled session then lasts until the next schedule."
  default     = 1
  validation {
    condition     = contains([1, -1], var.reserved_concurrency)
    error_message = "reserved_concurrency must be 1 or -1."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days that the function's log is kept, one of those that CloudWatch Logs knows."
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a retention that CloudWatch Logs offers, such as 30 or 365."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "KMS key for the log, the queue and the function's environment. Its policy has to let CloudWatch Logs and EventBridge use it. null takes the keys that AWS manages."
  default     = null
}

variable "alarm_actions" {
  type        = list(string)
  description = "What the alarms notify: ARNs, such as of an SNS topic."
  default     = []
}

variable "tags" {
  type        = map(string)
  description = "Tags of all resources, and of the sessions."
  default     = {}
}
