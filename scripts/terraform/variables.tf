# ---- Set these ----

variable "region" {
  type        = string
  description = "AWS region, as \"eu-central-1\"."

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-\\d$", var.region))
    error_message = "The region must be the name of an AWS region, as \"eu-central-1\"."
  }
}

variable "vpc_id" {
  type        = string
  description = "ID of the VPC that has the sources, and gets the solution."

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "The vpc_id must be the ID of a VPC, as \"vpc-0123456789abcdef0\"."
  }
}

variable "private_subnets" {
  type        = list(string)
  description = "IDs of private subnets of at least two zones, with a way out (NAT gateway) by which the nodes reach the Wallarm Cloud."

  validation {
    condition     = length(distinct(var.private_subnets)) >= 2 && alltrue([for id in var.private_subnets : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "The private_subnets must be IDs of at least two subnets, as \"subnet-0123456789abcdef0\"."
  }
}

variable "host" {
  type        = string
  default     = "api.wallarm.com"
  description = "Wallarm API server: \"api.wallarm.com\" for the EU Cloud, \"us1.api.wallarm.com\" for the US Cloud."

  validation {
    condition     = can(regex("^[a-z0-9.-]+\\.[a-z]+$", var.host))
    error_message = "The host must be a name, as \"api.wallarm.com\"."
  }
}

variable "token" {
  type        = string
  sensitive   = true
  description = "Node token, copied from the Wallarm Console. Give it by the environment (TF_VAR_token), not by a file."

  validation {
    condition     = length(var.token) >= 16 && !can(regex("\\s", var.token))
    error_message = "The token must be the node token of the Wallarm Console."
  }
}

# ---- Sources: which network interfaces are mirrored ----

variable "asg_names" {
  type        = list(string)
  default     = []
  description = "Auto Scaling Groups whose instances are mirrored."
}

variable "eks_name" {
  type        = string
  default     = ""
  description = "EKS cluster whose nodes are mirrored. With the AWS VPC CNI, an ALB Ingress needs no special target-type: all network interfaces of the nodes are mirrored."
}

variable "eks_node_group_names" {
  type        = list(string)
  default     = []
  description = "Only these node groups of the cluster. Needs follow_instances = false."
}

variable "instance_tags" {
  type        = map(string)
  default     = {}
  description = "Instances that have all of these tags are mirrored."
}

variable "elb_names" {
  type        = list(string)
  default     = []
  description = "Classic and Application Load Balancers whose network interfaces are mirrored, as they are when this is applied. What comes to them encrypted can't be rebuilt: mirror their targets then."
}

variable "network_interface_ids" {
  type        = list(string)
  default     = []
  description = "Further network interfaces that are mirrored."

  validation {
    condition     = alltrue([for id in var.network_interface_ids : can(regex("^eni-[0-9a-f]+$", id))])
    error_message = "The network_interface_ids must be IDs of network interfaces, as \"eni-0123456789abcdef0\"."
  }
}

variable "follow_instances" {
  type        = bool
  default     = true
  description = "Whether instances of asg_names, eks_name and instance_tags are mirrored as they start, by a Lambda function; otherwise only those that run when this is applied."
}

# ---- The mirror ----

variable "vxlan_id" {
  type        = number
  default     = 1377
  description = "VXLAN network identifier (VNI) of the mirror, 0 to 16777215."
}

variable "session_id" {
  type        = number
  default     = 1
  description = "Number of the mirror sessions, 1 to 32766: another one for each mirror of the same network interface."
}

variable "packet_length" {
  type        = number
  default     = 8500
  description = "How many bytes of a packet are mirrored, 8500 at most. Sources with an MTU above 8486 have packets cut."
}

variable "direction_egress_enable" {
  type        = bool
  default     = false
  description = "Whether responses are mirrored, too. They are not needed, and are as much traffic again."
}

variable "client_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "Whose requests are mirrored. For dual-stack sources [\"0.0.0.0/0\", \"::/0\"]."
}

variable "ports" {
  type        = list(string)
  default     = []
  description = "TCP ports of the sources that are mirrored: [\"80\", \"8000-8999\"]. Default: all."
}

variable "excluded_cidrs" {
  type        = list(string)
  default     = []
  description = "Whose requests are never mirrored, as those of monitoring systems."
}

variable "source_cidrs" {
  type        = list(string)
  default     = []
  description = "Prefixes of the sources, from which rebuilders take mirrored packets. Default: the VPC's."
}

# ---- Rebuilders ----

variable "rebuilder_ami_id" {
  type        = string
  default     = ""
  description = "Image of the rebuilder, made by scripts/ami. Default: this account's newest."
}

variable "rebuilder_instance_type" {
  type        = string
  default     = "c6in.2xlarge"
  description = "Type of the rebuilders."
}

variable "rebuilder_min_size" {
  type        = number
  default     = 2
  description = "The fewest rebuilders, 2 at least."
}

variable "rebuilder_max_size" {
  type        = number
  default     = 6
  description = "The most rebuilders."
}

variable "rebuilder_packets_per_second" {
  type        = number
  default     = 300000
  description = "Mirrored packets a second that a rebuilder is to have in the mean; the group scales to that."
}

variable "capture" {
  type        = string
  default     = "af_packet"
  description = "How rebuilders receive: \"af_packet\", or \"dpdk\" for more than about a million packets a second each."
}

variable "allow" {
  type        = list(string)
  default     = []
  description = "Which requests are sent to the nodes, in the words of rebuilder(8). Default: all."
}

variable "deny" {
  type        = list(string)
  default     = []
  description = "Which requests are not, as [\"header=User-Agent:^ELB-HealthChecker/\"]."
}

variable "sample" {
  type        = string
  default     = "100%"
  description = "The share of the requests that is sent."
}

variable "max_body" {
  type        = string
  default     = "1M"
  description = "The largest body that is sent whole."
}

variable "redact_header" {
  type        = list(string)
  default     = []
  description = "Header fields whose values the nodes don't get, only their length, as [\"Authorization\"]."
}

variable "pipeline" {
  type        = number
  default     = 1
  description = "Requests that may wait for their answer on one connection to the nodes' load balancer."
}

variable "settings" {
  type        = any
  default     = {}
  description = "Any other keys of rebuilder.toml, as { \"idle-timeout\" = \"10m\" }."
}

variable "debug" {
  type        = bool
  default     = false
  description = "Whether every request is written to the rebuilders' journal, too: journalctl -fu rebuilder."
}

variable "ssm_enable" {
  type        = bool
  default     = false
  description = "Whether AWS Systems Manager may manage the rebuilders."
}

# ---- Wallarm nodes ----

variable "node_instance_type" {
  type        = string
  default     = "c6i.xlarge"
  description = "Type of the Wallarm nodes."
}

variable "node_min_size" {
  type        = number
  default     = 2
  description = "The fewest nodes."
}

variable "node_max_size" {
  type        = number
  default     = 6
  description = "The most nodes."
}

variable "node_http_snippet" {
  type        = string
  default     = ""
  description = "Directives for the http block of the nodes' nginx, as larger limits: README, \"Limits\"."
}

variable "node_server_snippet" {
  type        = string
  default     = ""
  description = "Directives for the server block of the nodes' nginx, as set_real_ip_from: README, \"Client addresses\"."
}

# ---- All ----

variable "app_name" {
  type        = string
  default     = "oob"
  description = "Prefix of all names."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,11}$", var.app_name))
    error_message = "The app_name must be up to 12 small letters, digits and dashes, with a letter first."
  }
}

variable "deletion_protection" {
  type        = bool
  default     = false
  description = "Whether the nodes' load balancer is protected from deletion; terraform destroy fails then."
}

variable "alarm_actions" {
  type        = list(string)
  default     = []
  description = "What is told of alarms: ARNs of SNS topics."
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of all resources."
}
