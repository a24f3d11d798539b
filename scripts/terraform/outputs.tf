output "suboutputs" {
  value = {
    asg      = module.wallarm.asg
    lb       = module.wallarm.lb
    tg       = module.wallarm.tg
    template = module.wallarm.template
    role     = module.wallarm.role
    other    = module.wallarm.other
  }
  description = "Outputs of the wallarm module."
}

output "rebuilder" {
  value = {
    asg_name           = module.vxlan-rebuild.asg_name
    dashboard_name     = module.vxlan-rebuild.dashboard_name
    nlb_arn            = module.vxlan-rebuild.nlb_arn
    security_group_ids = module.vxlan-rebuild.security_group_ids
    user_data          = module.vxlan-rebuild.user_data
  }
  description = "The rebuilders: their group, dashboard and load balancer, and the configuration that they get."
}

output "mirror" {
  value = {
    filter_id   = module.vpc-mirror.filter_id
    target_id   = module.vpc-mirror.target_id
    session_ids = module.vpc-mirror.session_ids
  }
  description = "The mirror: filter, target, and the sessions of network interfaces that were found when this was applied."
}
