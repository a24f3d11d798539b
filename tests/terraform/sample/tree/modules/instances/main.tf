locals {
  rules = merge([
    for name, rule in var.ingress : {
      for cidr in rule.cidrs : "${name}-${cidr}" => { port = rule.port, protocol = rule.protocol, cidr = cidr }
    }
  ]...)
}

resource "aws_security_group" "default" {
  name        = var.name
  description = "What comes in"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "default" {
  for_each = local.rules

  security_group_id = aws_security_group.default.id
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr
}

resource "aws_launch_template" "default" {
  name = var.name
  user_data = base64encode(templatefile("${path.module}/rebuilder.toml.tftpl", {
    allow    = var.allow
    endpoint = var.endpoint
  }))

  metadata_options {
    http_tokens = "required"
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_size = 8
      encrypted   = "true"
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])
    content {
      resource_type = tag_specifications.value
      tags          = { Name = var.name }
    }
  }

  lifecycle {
    precondition {
      condition     = var.size < 100
      error_message = "The size is too large."
    }
  }
}

resource "aws_ec2_traffic_mirror_filter" "default" {
  count = var.size > 2 ? 1 : 0

  description = var.name
}

resource "aws_ec2_traffic_mirror_filter_rule" "default" {
  count = length(aws_ec2_traffic_mirror_filter.default)

  traffic_mirror_filter_id = aws_ec2_traffic_mirror_filter.default[count.index].id
  rule_number              = 1
  rule_action              = "accept"
  traffic_direction        = "ingress"
  source_cidr_block        = "0.0.0.0/0"
  destination_cidr_block   = "0.0.0.0/0"
}

data "aws_iam_policy_document" "default" {
  statement {
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"]
  }

  statement {
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"] # there is no narrower one
  }
}

resource "aws_iam_policy" "default" {
  name   = var.name
  policy = data.aws_iam_policy_document.default.json
}

resource "terraform_data" "drain" {
  input = file("${path.module}/drain.sh")
}
