variable "app_name" {
  type        = string
  default     = "rebuilder"
  description = "Name, or prefix of the name, of all that is made here."

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,23}$", var.app_name))
    error_message = "The app_name must be up to 24 small letters, digits and dashes, with a letter first."
  }
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of all resources, instances and their disks. Keys without blanks and slashes: instances can read them."

  validation {
    condition     = alltrue([for key in keys(var.tags) : can(regex("^[A-Za-z0-9+=.,_:@-]+$", key))])
    error_message = "The keys of tags must be letters, digits and +-=.,_:@, as those of instance metadata."
  }
}

# ---- Where ----

variable "vpc_id" {
  type        = string
  description = "ID of the VPC."

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "The vpc_id must be the ID of a VPC, as \"vpc-0123456789abcdef0\"."
  }
}

variable "subnet_ids" {
  type        = list(string)
  description = "Private subnets of the load balancer and the instances, of two zones at least: a zone may fail, and the mirror must not."

  validation {
    condition     = length(distinct(var.subnet_ids)) >= 2 && alltrue([for id in var.subnet_ids : can(regex("^subnet-[0-9a-f]+$", id))])
    error_message = "The subnet_ids must be IDs of at least two subnets, as \"subnet-0123456789abcdef0\"."
  }
}

variable "source_cidrs" {
  type        = list(string)
  default     = []
  description = "Where mirrored packets come from: prefixes of the sources' primary addresses. Default: the VPC's. Give those of peered VPCs, too, if they have sources."

  validation {
    condition     = alltrue([for cidr in var.source_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "The source_cidrs must be IPv4 prefixes of 8 bits or more, as \"10.0.0.0/16\"."
  }
}

variable "management_cidrs" {
  type        = list(string)
  default     = []
  description = "Who may reach the second network interface by SSH: IPv4 prefixes. Default: nobody; AWS Systems Manager needs no open port (ssm_enable)."

  validation {
    condition     = alltrue([for cidr in var.management_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "The management_cidrs must be IPv4 prefixes of 8 bits or more, as \"10.0.0.0/16\"."
  }
}

variable "api_cidrs" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "Where the AWS APIs are that the instances call on port 443 (CloudWatch, Auto Scaling, Systems Manager). Default: anywhere, by a NAT gateway. With interface endpoints, the VPC's prefixes."

  validation {
    condition     = alltrue([for cidr in var.api_cidrs : can(cidrnetmask(cidr))])
    error_message = "The api_cidrs must be IPv4 prefixes, as \"10.0.0.0/16\"."
  }
}

# ---- Instances ----

variable "ami_id" {
  type        = string
  default     = ""
  description = "Image made by scripts/ami. Default: the newest of this account that is named \"rebuilder-*\" and has the instance type's architecture."

  validation {
    condition     = var.ami_id == "" || can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "The ami_id must be the ID of an image, as \"ami-0123456789abcdef0\"."
  }
}

variable "instance_type" {
  type        = string
  default     = "c6in.2xlarge"
  description = "Type of the instances; drivers-config/README.md says what a type carries. The image has to be made with the profile of its size."

  validation {
    condition     = can(regex("^[a-z0-9-]+\\.[a-z0-9-]+$", var.instance_type)) && !can(regex("^(t1|t2|m1|m2|m3|c1|c3|m4|c4|r3|r4|i2|d2)\\.", var.instance_type))
    error_message = "The instance_type must be a Nitro type, as \"c6in.2xlarge\"."
  }
}

variable "min_size" {
  type        = number
  default     = 2
  description = "The fewest instances. Two at least, in two zones: while one is replaced, another takes the mirror."

  validation {
    condition     = var.min_size >= 2
    error_message = "The min_size must be 2 or more."
  }
}

variable "max_size" {
  type        = number
  default     = 6
  description = "The most instances."
}

variable "packets_per_second" {
  type        = number
  default     = 300000
  description = "Mirrored packets a second that an instance is to have in the mean; the group scales to that. CPU says nothing of a program that polls. Measure what your type carries, and take half."

  validation {
    condition     = var.packets_per_second >= 1000
    error_message = "The packets_per_second must be 1000 or more."
  }
}

variable "scale_in_enable" {
  type        = bool
  default     = true
  description = "Whether the group may shrink. An instance that leaves takes the requests along that are half through it: they are counted, not sent."
}

variable "key_name" {
  type        = string
  default     = ""
  description = "Key pair for SSH. Default: none."
}

variable "ssm_enable" {
  type        = bool
  default     = false
  description = "Whether AWS Systems Manager may manage the instances (sessions without SSH)."
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "Key that the disks are encrypted with. Default: the account's own for EBS."
}

variable "deregistration_delay" {
  type        = number
  default     = 60
  description = "Seconds that an instance which leaves still gets the flows that it has; then they go to another."

  validation {
    condition     = var.deregistration_delay >= 0 && var.deregistration_delay <= 3600
    error_message = "The deregistration_delay must be from 0 to 3600 seconds."
  }
}

variable "alarm_actions" {
  type        = list(string)
  default     = []
  description = "What is told of alarms: ARNs of SNS topics, for example."

  validation {
    condition     = alltrue([for arn in var.alarm_actions : can(regex("^arn:aws[a-z-]*:", arn))])
    error_message = "The alarm_actions must be ARNs."
  }
}

# ---- What the rebuilder does: rebuilder.toml ----

variable "capture" {
  type        = string
  default     = "af_packet"
  description = "How mirrored packets are received: \"af_packet\", by the kernel, up to about a million packets a second; or \"dpdk\", by DPDK's driver of the network card, for more. The image has to be made with the profile for it (af_packet, ena-24.11)."

  validation {
    condition     = contains(["af_packet", "dpdk"], var.capture)
    error_message = "The capture must be \"af_packet\" or \"dpdk\"."
  }
}

variable "mirror_endpoint" {
  type        = string
  description = "Where requests are sent: http://HOST:PORT or https://HOST:PORT, the load balancer in front of the analysers."

  validation {
    condition     = can(regex("^https?://[A-Za-z0-9.-]+:\\d+$", var.mirror_endpoint))
    error_message = "The mirror_endpoint must be \"http://HOST:PORT\" or \"https://HOST:PORT\"."
  }
}

variable "mirror_endpoint_cidrs" {
  type        = list(string)
  description = "Prefixes of the addresses of mirror_endpoint: the instances can send nowhere else."

  validation {
    condition     = length(var.mirror_endpoint_cidrs) > 0 && alltrue([for cidr in var.mirror_endpoint_cidrs : can(cidrnetmask(cidr))])
    error_message = "The mirror_endpoint_cidrs must be IPv4 prefixes, and one at least."
  }
}

variable "vxlan_id" {
  type        = number
  default     = 1377
  description = "VXLAN network identifier (VNI) of the mirror; packets with others are dropped and counted."
}

variable "http_ports" {
  type        = list(number)
  default     = []
  description = "TCP ports that are examined. Default: all, HTTP is known by its bytes."

  validation {
    condition     = alltrue([for port in var.http_ports : port >= 1 && port <= 65535])
    error_message = "The http_ports must be from 1 to 65535."
  }
}

variable "allow" {
  type        = list(string)
  default     = []
  description = "Which requests are sent, as \"host=shop.example.com,*.example.org\" or \"path=^/api/\". Default: all."
}

variable "deny" {
  type        = list(string)
  default     = []
  description = "Which requests are not sent, as \"header=User-Agent:^ELB-HealthChecker/\". A client can write what such a rule matches, and so hide; anchor it at both ends, and deny little."
}

variable "sample" {
  type        = string
  default     = "100%"
  description = "The share of the requests that is sent: \"10%\", or \"10%:client\" for all requests of a tenth of the clients."

  validation {
    condition     = can(regex("^\\d+(\\.\\d+)?%(:(client|host|header=.+))?$", var.sample))
    error_message = "The sample must be a share, as \"10%\", \"10%:client\", \"10%:host\" or \"10%:header=X-Session\"."
  }
}

variable "max_body" {
  type        = string
  default     = "1M"
  description = "The largest body that is sent whole; of larger ones the beginning is sent, with the field X-Rebuilder-Truncated. The analysers have a limit, too: nginx refuses more than 1M unless told."

  validation {
    condition     = can(regex("^\\d+[KMG]?$", var.max_body))
    error_message = "The max_body must be a size, as \"512K\" or \"1M\"."
  }
}

variable "redact_header" {
  type        = list(string)
  default     = []
  description = "Header fields whose values are not sent, only their length, as \"Authorization\". The analysers see no attack in them."
}

variable "pipeline" {
  type        = number
  default     = 1
  description = "Requests that may wait for their answer on one connection. More is cheaper, and a slow answer holds up more."

  validation {
    condition     = var.pipeline >= 1
    error_message = "The pipeline must be 1 or more."
  }
}

variable "debug" {
  type        = bool
  default     = false
  description = "Whether every request is written to the journal, too (journalctl -u rebuilder): a line of JSON with its header fields. For trials, not for production."
}

variable "settings" {
  type        = any
  default     = {}
  description = "Any other keys of rebuilder.toml, as { max-flows = 1000000, idle-timeout = \"10m\" }."

  validation {
    condition = length(setintersection(keys(var.settings), [
      "admin-listen", "allow", "deny", "exception-path", "health-listen", "http-ports", "input", "lame-duck", "max-body", "output",
      "pipeline", "redact-header", "sample", "tunnel", "vni",
    ])) == 0
    error_message = "The settings must not have keys that the module has variables for, or sets itself (input, output, tunnel, vni, health-listen, admin-listen, exception-path, lame-duck)."
  }
}
