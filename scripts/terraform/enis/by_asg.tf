# The primary network interfaces of the instances of Auto Scaling Groups.

data "aws_instances" "asg" {
  count = length(var.asg_names) > 0 ? 1 : 0

  instance_state_names = ["pending", "running"]

  filter {
    name   = "tag:aws:autoscaling:groupName"
    values = var.asg_names
  }

  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }
}

data "aws_network_interfaces" "asg" {
  count = length(flatten(data.aws_instances.asg[*].ids)) > 0 ? 1 : 0

  filter {
    name   = "attachment.instance-id"
    values = flatten(data.aws_instances.asg[*].ids)
  }

  filter {
    name   = "attachment.device-index"
    values = ["0"]
  }
}
