# All network interfaces of the nodes of an EKS cluster. The VPC CNI gives pods secondary addresses of any of them, so
# the primary ones alone would miss pods. Pods that are reached through an ALB with target-type ip are seen here, too.

data "aws_instances" "eks" {
  count = var.eks_name != "" ? 1 : 0

  instance_state_names = ["pending", "running"]

  filter {
    name   = "tag:eks:cluster-name"
    values = [var.eks_name]
  }

  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }

  dynamic "filter" {
    for_each = length(var.eks_node_group_names) > 0 ? [var.eks_node_group_names] : []
    content {
      name   = "tag:eks:nodegroup-name"
      values = filter.value
    }
  }
}

data "aws_network_interfaces" "eks" {
  count = length(flatten(data.aws_instances.eks[*].ids)) > 0 ? 1 : 0

  filter {
    name   = "attachment.instance-id"
    values = flatten(data.aws_instances.eks[*].ids)
  }
}
