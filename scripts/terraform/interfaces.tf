# Which network interfaces are mirrored. Choose by the variables of the group "Sources"; what enis/ can't say goes into
# network_interface_ids.
#
# With follow_instances, the instances of Auto Scaling Groups, EKS clusters and tags are found as they start and stop, by
# modules/vpc-mirror-autosession. Without it, they are those that run when this is applied, and later ones are missed.

module "enis" {
  source = "./enis"

  vpc_id = var.vpc_id

  asg_names            = var.follow_instances ? [] : var.asg_names
  eks_name             = var.follow_instances ? "" : var.eks_name
  eks_node_group_names = var.eks_node_group_names
  tags                 = var.follow_instances ? {} : var.instance_tags
  elb_names            = var.elb_names
}

locals {
  network_interface_ids = distinct(concat(module.enis.network_interface_ids, var.network_interface_ids))
}
