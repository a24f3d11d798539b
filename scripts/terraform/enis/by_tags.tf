# The primary network interfaces of the instances that have all of some tags.

data "aws_instances" "tags" {
  count = length(var.tags) > 0 ? 1 : 0

  instance_state_names = ["pending", "running"]
  instance_tags        = var.tags

  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }
}

data "aws_network_interfaces" "tags" {
  count = length(flatten(data.aws_instances.tags[*].ids)) > 0 ? 1 : 0

  filter {
    name   = "attachment.instance-id"
    values = flatten(data.aws_instances.tags[*].ids)
  }

  filter {
    name   = "attachment.device-index"
    values = ["0"]
  }
}
