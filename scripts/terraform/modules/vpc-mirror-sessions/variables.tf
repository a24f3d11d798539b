variable "app_name" {
  type        = string
  description = "Name of the filter, the target and the sessions."
}

variable "network_interface_ids" {
  type        = list(string)
  default     = []
  description = "The network interfaces (ENIs) whose traffic is mirrored. They have to be there before this module is applied; for those that come and go there is vpc-mirror-autosession."

  validation {
    condition     = alltrue([for id in var.network_interface_ids : can(regex("^eni-[0-9a-f]+$", id))])
    error_message = "The network_interface_ids must be IDs of network interfaces, as \"eni-0123456789abcdef0\"."
  }
}

variable "target_nlb_arn" {
  type        = string
  default     = null
  description = "Where the mirrored packets go: the ARN of a Network Load Balancer with a UDP listener on port 4789. One target has to be given."

  validation {
    condition     = var.target_nlb_arn == null || can(regex("^arn:aws[a-z-]*:elasticloadbalancing:[^:]+:\\d+:loadbalancer/net/.+", var.target_nlb_arn))
    error_message = "The target_nlb_arn must be the ARN of a Network Load Balancer (arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/net/...)."
  }
}

variable "target_gwlb_endpoint_id" {
  type        = string
  default     = null
  description = "Instead: the ID of a Gateway Load Balancer endpoint. It adds GENEVE around the VXLAN, which the rebuilder takes off, too."

  validation {
    condition     = var.target_gwlb_endpoint_id == null || can(regex("^vpce-[0-9a-f]+$", var.target_gwlb_endpoint_id))
    error_message = "The target_gwlb_endpoint_id must be the ID of an endpoint, as \"vpce-0123456789abcdef0\"."
  }
}

variable "target_network_interface_id" {
  type        = string
  default     = null
  description = "Instead: the ID of one rebuilder's network interface. At most 10 sources (100 on some large types), but packets of up to 8947 bytes come whole, and in order."

  validation {
    condition     = var.target_network_interface_id == null || can(regex("^eni-[0-9a-f]+$", var.target_network_interface_id))
    error_message = "The target_network_interface_id must be the ID of a network interface, as \"eni-0123456789abcdef0\"."
  }
}

variable "session_id" {
  type        = number
  default     = 1
  description = "Number of the session at each of its network interfaces, 1 to 32766. A packet is mirrored once, by the lowest number whose filter takes it; so give other mirrors of the same interfaces other numbers."

  validation {
    condition     = var.session_id >= 1 && var.session_id <= 32766 && floor(var.session_id) == var.session_id
    error_message = "The session_id must be a whole number from 1 to 32766."
  }
}

variable "vxlan_id" {
  type        = number
  default     = 1377
  description = "VXLAN network identifier (VNI) of the mirrored packets; the rebuilder takes only those."

  validation {
    condition     = var.vxlan_id >= 0 && var.vxlan_id <= 16777215 && floor(var.vxlan_id) == var.vxlan_id
    error_message = "The vxlan_id must be a whole number from 0 to 16777215."
  }
}

variable "packet_length" {
  type        = number
  default     = 8500
  description = "How many bytes of a packet are mirrored. A load balancer as the target allows 8500 at most. Less cuts packets: the requests in them are lost."

  validation {
    condition     = var.packet_length >= 1518 && var.packet_length <= 8500
    error_message = "The packet_length must be from 1518, below which whole Ethernet frames are cut, to 8500, AWS's most for load balancers."
  }
}

variable "direction_ingress_enable" {
  type        = bool
  default     = true
  description = "Whether packets to the network interfaces are mirrored: the requests. The rebuilder needs no more."
}

variable "direction_egress_enable" {
  type        = bool
  default     = false
  description = "Whether packets from the network interfaces are mirrored: the responses. They are about as much again; they help to tell a lost packet from one that was never sent."
}

variable "client_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "Whose traffic with the network interfaces is mirrored: IPv4 and IPv6 prefixes. For dual-stack sources add \"::/0\"."

  validation {
    condition     = length(var.client_cidrs) > 0 && alltrue([for cidr in var.client_cidrs : can(cidrhost(cidr, 0))])
    error_message = "The client_cidrs must be prefixes, as \"10.0.0.0/8\" or \"::/0\", and one at least."
  }
}

variable "ports" {
  type        = list(string)
  default     = []
  description = "TCP ports of the network interfaces whose traffic is mirrored: \"80\" or \"8000-8999\". Default: all. Narrow it, and answers that databases and APIs give the sources aren't mirrored."

  validation {
    condition = alltrue([
      for ports in var.ports : can(regex("^\\d+(-\\d+)?$", ports)) &&
      try(tonumber(split("-", ports)[0]) <= tonumber(reverse(split("-", ports))[0]) && tonumber(reverse(split("-", ports))[0]) <= 65535, false)
    ])
    error_message = "The ports must be numbers up to 65535 or ranges of them, as \"80\" or \"8000-8999\"."
  }
}

variable "excluded_cidrs" {
  type        = list(string)
  default     = []
  description = "Whose traffic is never mirrored, whatever else is said: the rebuilders', their load balancers' and the analysers' own. IPv4 and IPv6 prefixes."

  validation {
    condition     = alltrue([for cidr in var.excluded_cidrs : can(cidrhost(cidr, 0))])
    error_message = "The excluded_cidrs must be prefixes, as \"10.0.9.0/24\"."
  }
}

variable "excluded_security_group_ids" {
  type        = list(string)
  default     = []
  description = "Network interfaces that have one of these security groups are refused as sources: the rebuilders' and the analysers'. A mirror of what the mirror makes would not end."

  validation {
    condition     = alltrue([for id in var.excluded_security_group_ids : can(regex("^sg-[0-9a-f]+$", id))])
    error_message = "The excluded_security_group_ids must be IDs of security groups, as \"sg-0123456789abcdef0\"."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of all resources."
}
