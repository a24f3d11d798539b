# Two security groups, one for each network interface. The primary one receives the mirror and answers health checks; it
# begins no connection. The second one sends.

data "aws_vpc" "default" {
  id = var.vpc_id
}

data "aws_subnet" "default" {
  for_each = toset(var.subnet_ids)

  id = each.value
}

locals {
  vpc_cidrs    = [for association in data.aws_vpc.default.cidr_block_associations : association.cidr_block if association.state == "associated"]
  source_cidrs = length(var.source_cidrs) > 0 ? var.source_cidrs : local.vpc_cidrs
  subnet_cidrs = distinct([for subnet in data.aws_subnet.default : subnet.cidr_block])

  mirror_endpoint_port = tonumber(reverse(split(":", var.mirror_endpoint))[0])
}

resource "aws_security_group" "mirror" {
  name        = "${var.app_name}-mirror"
  description = "${var.app_name}: receives mirrored traffic"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.app_name}-mirror" })
}

# The load balancer keeps the senders' addresses.
resource "aws_vpc_security_group_ingress_rule" "mirror" {
  for_each = toset(local.source_cidrs)

  security_group_id = aws_security_group.mirror.id
  description       = "Mirrored packets (VXLAN)"
  ip_protocol       = "udp"
  from_port         = local.vxlan_port
  to_port           = local.vxlan_port
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_ingress_rule" "health" {
  for_each = toset(local.subnet_cidrs)

  security_group_id = aws_security_group.mirror.id
  description       = "The load balancer's health checks"
  ip_protocol       = "tcp"
  from_port         = local.health_port
  to_port           = local.health_port
  cidr_ipv4         = each.value
}

resource "aws_security_group" "output" {
  name        = "${var.app_name}-output"
  description = "${var.app_name}: sends rebuilt requests"
  vpc_id      = var.vpc_id

  tags = merge(var.tags, { Name = "${var.app_name}-output" })
}

resource "aws_vpc_security_group_egress_rule" "endpoint" {
  for_each = toset(var.mirror_endpoint_cidrs)

  security_group_id = aws_security_group.output.id
  description       = "The analysers' load balancer"
  ip_protocol       = "tcp"
  from_port         = local.mirror_endpoint_port
  to_port           = local.mirror_endpoint_port
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_egress_rule" "api" {
  for_each = toset(var.api_cidrs)

  security_group_id = aws_security_group.output.id
  description       = "AWS APIs"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  for_each = toset(var.management_cidrs)

  security_group_id = aws_security_group.output.id
  description       = "SSH"
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
  cidr_ipv4         = each.value
}
