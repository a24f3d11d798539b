output "lb" {
  value       = module.wallarm.lb.dns
  description = "Name of the nodes' load balancer."
}

output "template_id" {
  value       = module.instances.template_id
  description = "ID of the launch template."
}
