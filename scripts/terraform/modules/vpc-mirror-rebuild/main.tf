# The rebuilders: an Auto Scaling Group behind the load balancer, each instance with one network interface for the mirror
# and one for what it sends.

locals {
  vxlan_port  = 4789
  health_port = 9445
  drain_hook  = "rebuilder-drain" # known to the agent

  user_data = templatefile("${path.module}/rebuilder.toml.tftpl", {
    allow           = var.allow
    capture         = var.capture
    debug           = var.debug
    deny            = var.deny
    http_ports      = var.http_ports
    max_body        = var.max_body
    mirror_endpoint = var.mirror_endpoint
    pipeline        = var.pipeline
    redact_header   = var.redact_header
    sample          = var.sample
    settings        = var.settings
    vxlan_id        = var.vxlan_id
  })
}

data "aws_ec2_instance_type" "default" {
  instance_type = var.instance_type
}

data "aws_ami" "default" {
  count = var.ami_id == "" ? 1 : 0

  owners      = ["self"]
  most_recent = true

  filter {
    name   = "name"
    values = ["rebuilder-*"]
  }

  filter {
    name   = "architecture"
    values = data.aws_ec2_instance_type.default.supported_architectures
  }
}

resource "aws_launch_template" "default" {
  name                   = var.app_name
  description            = "Rebuilder of mirrored HTTP requests"
  image_id               = var.ami_id != "" ? var.ami_id : data.aws_ami.default[0].id
  instance_type          = var.instance_type
  key_name               = var.key_name != "" ? var.key_name : null
  user_data              = base64encode(local.user_data)
  update_default_version = true

  iam_instance_profile {
    arn = aws_iam_instance_profile.default.arn
  }

  # Tokens are required, and are for this instance alone.
  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
    instance_metadata_tags      = "enabled" # the agent learns its group's name from them
  }

  # Packets are counted each minute; the group scales by them.
  monitoring {
    enabled = true
  }

  # An "instance" target is sent to at its primary interface.
  network_interfaces {
    device_index          = 0
    description           = "${var.app_name}: mirrored traffic"
    security_groups       = [aws_security_group.mirror.id]
    delete_on_termination = true
  }

  network_interfaces {
    device_index          = 1
    description           = "${var.app_name}: output and management"
    security_groups       = [aws_security_group.output.id]
    delete_on_termination = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type           = "gp3"
      volume_size           = 8
      encrypted             = "true"
      kms_key_id            = var.kms_key_id != "" ? var.kms_key_id : null
      delete_on_termination = "true"
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume", "network-interface"])
    content {
      resource_type = tag_specifications.value
      tags          = merge(var.tags, { Name = var.app_name })
    }
  }

  tags = merge(var.tags, { Name = var.app_name })

  lifecycle {
    precondition {
      condition     = length(base64encode(local.user_data)) <= 21844
      error_message = "The configuration is too long: EC2 takes 16 KB of user data. Shorten allow, deny and settings."
    }
    precondition {
      condition     = data.aws_ec2_instance_type.default.maximum_network_interfaces >= 2
      error_message = "The instance_type ${var.instance_type} has one network interface only."
    }
  }
}

resource "aws_autoscaling_group" "default" {
  name                = var.app_name
  vpc_zone_identifier = var.subnet_ids
  target_group_arns   = [aws_lb_target_group.default.arn]

  # How many there are is the scaling policy's to say; see below.
  min_size = var.min_size
  max_size = var.max_size

  # The load balancer's check sees what EC2's doesn't: an instance that runs and receives nothing.
  health_check_type         = "ELB"
  health_check_grace_period = 180
  default_instance_warmup   = 180

  # The oldest instances have the most flows, and hand them to the newer ones.
  termination_policies = ["OldestLaunchTemplate", "OldestInstance"]

  enabled_metrics = ["GroupDesiredCapacity", "GroupInServiceInstances"]

  launch_template {
    id      = aws_launch_template.default.id
    version = tostring(aws_launch_template.default.latest_version)
  }

  # New ones come before old ones go: the mirror is never without.
  instance_maintenance_policy {
    min_healthy_percentage = 100
    max_healthy_percentage = 150
  }

  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage = 100
      max_healthy_percentage = 150
      auto_rollback          = true
    }
  }

  dynamic "tag" {
    for_each = merge(var.tags, { Name = var.app_name })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    precondition {
      condition     = var.max_size > var.min_size
      error_message = "The max_size must be above min_size: a new instance comes before an old one goes."
    }
    precondition {
      condition     = length(distinct([for subnet in data.aws_subnet.default : subnet.availability_zone])) >= 2
      error_message = "The subnet_ids are all in one zone. Give subnets of two zones at least."
    }
  }
}

# An instance that is to go waits until its agent has drained it and says so, or this time is over.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = local.drain_hook
  autoscaling_group_name = aws_autoscaling_group.default.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = var.deregistration_delay + 120
  default_result         = "CONTINUE"
}

# Mirrored packets are what an instance has to do. In the mean over the instances: a new one has few at first, since flows
# stay where they are, and it counts all the same; so the group doesn't grow without end.
resource "aws_autoscaling_policy" "packets" {
  name                   = "${var.app_name}-packets"
  autoscaling_group_name = aws_autoscaling_group.default.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value     = var.packets_per_second * 60
    disable_scale_in = !var.scale_in_enable

    customized_metric_specification {
      namespace   = "AWS/EC2"
      metric_name = "NetworkPacketsIn"
      statistic   = "Average"

      metric_dimension {
        name  = "AutoScalingGroupName"
        value = aws_autoscaling_group.default.name
      }
    }
  }
}
