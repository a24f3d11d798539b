# The mirror: which packets (filter), of which network interfaces (sessions), to where (target).

locals {
  tcp = 6

  # Which of both ends of a packet is the client's, by the packet's direction at the source.
  directions = concat(
    var.direction_ingress_enable ? ["ingress"] : [],
    var.direction_egress_enable ? ["egress"] : [],
  )

  # One null, for all ports, if none are given.
  port_ranges = length(var.ports) == 0 ? [null] : [
    for ports in var.ports : { from = tonumber(split("-", ports)[0]), to = tonumber(reverse(split("-", ports))[0]) }
  ]

  # Rules in the order in which they are asked; the first that fits decides.
  refused = flatten([
    for direction in local.directions : [
      for cidr in var.excluded_cidrs : {
        name      = "${direction}-never-${cidr}"
        direction = direction
        action    = "reject"
        client    = cidr
        ports     = null
      }
    ]
  ])
  taken = flatten([
    for direction in local.directions : [
      for cidr in var.client_cidrs : [
        for ports in local.port_ranges : {
          name      = "${direction}-${cidr}-${ports == null ? "all" : "${ports.from}-${ports.to}"}"
          direction = direction
          action    = "accept"
          client    = cidr
          ports     = ports
        }
      ]
    ]
  ])
  # AWS mirrors nothing that no rule takes; these only show it.
  rest = [
    for direction in ["ingress", "egress"] : {
      name      = "${direction}-rest"
      direction = direction
      action    = "reject"
      client    = "0.0.0.0/0"
      ports     = null
    }
  ]
  rules = [
    for index, rule in concat(local.refused, local.taken, local.rest) :
    merge(rule, {
      number = 10 * (index + 1)
      # The other end is the source itself: anything of the same family.
      source = strcontains(rule.client, ":") ? "::/0" : "0.0.0.0/0"
    })
  ]

  targets = [
    for target in [var.target_nlb_arn, var.target_gwlb_endpoint_id, var.target_network_interface_id] : target
    if target != null
  ]
}

resource "aws_ec2_traffic_mirror_filter" "default" {
  description = "${var.app_name}: TCP to the sources"

  tags = merge(var.tags, { Name = var.app_name })

  lifecycle {
    precondition {
      condition     = length(local.directions) > 0
      error_message = "Nothing would be mirrored: neither direction_ingress_enable nor direction_egress_enable is true."
    }
    precondition {
      condition     = length(local.rules) <= 10
      error_message = "The filter would have ${length(local.rules)} rules, AWS allows 10: for each direction one for each of excluded_cidrs and for each pair of client_cidrs and ports, and 2 more."
    }
  }
}

resource "aws_ec2_traffic_mirror_filter_rule" "default" {
  for_each = { for rule in local.rules : rule.name => rule }

  traffic_mirror_filter_id = aws_ec2_traffic_mirror_filter.default.id
  description              = each.key
  rule_number              = each.value.number
  rule_action              = each.value.action
  traffic_direction        = each.value.direction

  source_cidr_block      = each.value.direction == "ingress" ? each.value.client : each.value.source
  destination_cidr_block = each.value.direction == "ingress" ? each.value.source : each.value.client

  # What is refused is so in every protocol.
  protocol = each.value.action == "accept" ? local.tcp : null

  dynamic "destination_port_range" {
    for_each = each.value.direction == "ingress" && each.value.ports != null ? [each.value.ports] : []
    content {
      from_port = destination_port_range.value.from
      to_port   = destination_port_range.value.to
    }
  }

  dynamic "source_port_range" {
    for_each = each.value.direction == "egress" && each.value.ports != null ? [each.value.ports] : []
    content {
      from_port = source_port_range.value.from
      to_port   = source_port_range.value.to
    }
  }
}

resource "aws_ec2_traffic_mirror_target" "default" {
  description = var.app_name

  network_load_balancer_arn         = var.target_nlb_arn
  gateway_load_balancer_endpoint_id = var.target_gwlb_endpoint_id
  network_interface_id              = var.target_network_interface_id

  tags = merge(var.tags, { Name = var.app_name })

  lifecycle {
    precondition {
      condition     = length(local.targets) == 1
      error_message = "Give exactly one of target_nlb_arn, target_gwlb_endpoint_id and target_network_interface_id."
    }
  }
}

data "aws_network_interface" "source" {
  for_each = toset(var.network_interface_ids)

  id = each.value
}

resource "aws_ec2_traffic_mirror_session" "default" {
  for_each = toset(var.network_interface_ids)

  description          = "${var.app_name}: ${each.value}"
  network_interface_id = each.value

  session_number     = var.session_id
  virtual_network_id = var.vxlan_id
  packet_length      = var.packet_length

  traffic_mirror_filter_id = aws_ec2_traffic_mirror_filter.default.id
  traffic_mirror_target_id = aws_ec2_traffic_mirror_target.default.id

  tags = merge(var.tags, { Name = var.app_name })

  lifecycle {
    precondition {
      condition     = length(setintersection(data.aws_network_interface.source[each.value].security_groups, var.excluded_security_group_ids)) == 0
      error_message = "${each.value} belongs to a rebuilder or an analyser, so mirroring it would make a loop. Take it out of network_interface_ids."
    }
  }
}
