output "network_interface_ids" {
  value = sort(distinct(flatten(concat(
    data.aws_network_interfaces.asg[*].ids,
    data.aws_network_interfaces.eks[*].ids,
    data.aws_network_interfaces.elb[*].ids,
    data.aws_network_interfaces.tags[*].ids,
  ))))
  description = "IDs of the network interfaces that were found, each once."
}
