# Out-of-band analysis of traffic that a VPC mirrors:
#
#   sources ─ mirror sessions ─► NLB udp/4789 ─► rebuilders ─► ALB ─► Wallarm nodes (monitoring)
#
# README.md says what to do; variables.tf what can be set; interfaces.tf which network interfaces are mirrored.

provider "aws" {
  region = var.region
}

data "aws_subnet" "private" {
  for_each = toset(var.private_subnets)

  id = each.value
}

locals {
  private_cidrs = distinct([for subnet in data.aws_subnet.private : subnet.cidr_block])

  follows = var.follow_instances && (length(var.asg_names) + length(var.instance_tags) > 0 || var.eks_name != "")
}

module "vpc-mirror" {
  source = "./modules/vpc-mirror-sessions"

  app_name = "${var.app_name}-mirror"

  network_interface_ids = local.network_interface_ids
  target_nlb_arn        = module.vxlan-rebuild.nlb_arn

  session_id    = var.session_id
  vxlan_id      = var.vxlan_id
  packet_length = var.packet_length

  direction_ingress_enable = true
  direction_egress_enable  = var.direction_egress_enable

  client_cidrs   = var.client_cidrs
  ports          = var.ports
  excluded_cidrs = var.excluded_cidrs

  # No loops: what the solution itself sends and receives is never mirrored.
  excluded_security_group_ids = module.vxlan-rebuild.security_group_ids

  tags = var.tags
}

module "vpc-mirror-autosession" {
  source = "./modules/vpc-mirror-autosession"
  count  = local.follows ? 1 : 0

  app_name = "${var.app_name}-autosession"
  vpc_id   = var.vpc_id

  filter_id      = module.vpc-mirror.filter_id
  target_id      = module.vpc-mirror.target_id
  vxlan_id       = module.vpc-mirror.vxlan_id
  packet_length  = module.vpc-mirror.packet_length
  session_number = module.vpc-mirror.session_number

  asg_names         = var.asg_names
  eks_cluster_names = var.eks_name != "" ? [var.eks_name] : []
  instance_tags     = var.instance_tags
  interfaces        = var.eks_name != "" ? "all" : "primary" # pods are on any of them

  excluded_security_group_ids = module.vxlan-rebuild.security_group_ids

  alarm_actions = var.alarm_actions
  tags          = var.tags
}

module "vxlan-rebuild" {
  source = "./modules/vpc-mirror-rebuild"

  app_name = "${var.app_name}-rebuild"

  vpc_id       = var.vpc_id
  subnet_ids   = var.private_subnets
  source_cidrs = var.source_cidrs

  ami_id             = var.rebuilder_ami_id
  instance_type      = var.rebuilder_instance_type
  min_size           = var.rebuilder_min_size
  max_size           = var.rebuilder_max_size
  packets_per_second = var.rebuilder_packets_per_second
  capture            = var.capture
  ssm_enable         = var.ssm_enable
  alarm_actions      = var.alarm_actions

  vxlan_id              = var.vxlan_id
  mirror_endpoint       = module.wallarm.other.mirror_endpoint
  mirror_endpoint_cidrs = local.private_cidrs

  allow         = var.allow
  deny          = var.deny
  sample        = var.sample
  max_body      = var.max_body
  redact_header = var.redact_header
  pipeline      = var.pipeline
  settings      = var.settings
  debug         = var.debug

  tags = var.tags
}

module "wallarm" {
  source  = "wallarm/wallarm/aws"
  version = ">= 1.4, < 2.0"

  app_name = "${var.app_name}-node"

  preset = "mirror"
  mode   = "monitoring"

  vpc_id        = var.vpc_id
  instance_type = var.node_instance_type

  min_size            = var.node_min_size
  max_size            = var.node_max_size
  desired_capacity    = var.node_min_size
  autoscaling_enabled = true

  lb_internal            = true
  lb_subnet_ids          = var.private_subnets
  lb_deletion_protection = var.deletion_protection
  instance_subnet_ids    = var.private_subnets

  # The rebuilder says who the client is; the load balancer must not add the rebuilder to that.
  lb_xff_header_processing_mode = "preserve"

  # Only the rebuilders, which are in these subnets, send here.
  source_ranges = local.private_cidrs

  host  = var.host
  token = var.token

  http_snippet   = var.node_http_snippet
  server_snippet = var.node_server_snippet

  tags = var.tags
}
