output "nlb_arn" {
  value       = aws_lb.default.arn
  description = "ARN of the load balancer: the target of mirror sessions."

  # A session to a load balancer without its listener loses packets in silence.
  depends_on = [aws_lb_listener.default]
}

output "nlb_dns_name" {
  value       = aws_lb.default.dns_name
  description = "DNS name of the load balancer."
}

output "asg_name" {
  value       = aws_autoscaling_group.default.name
  description = "Name of the Auto Scaling Group."
}

output "security_group_ids" {
  value       = [aws_security_group.mirror.id, aws_security_group.output.id]
  description = "Security groups of the instances: sources that have one of them must not be mirrored."
}

output "role_name" {
  value       = aws_iam_role.default.name
  description = "Role of the instances, to attach policies to."
}

output "dashboard_name" {
  value       = aws_cloudwatch_dashboard.default.dashboard_name
  description = "Name of the CloudWatch dashboard."
}

output "user_data" {
  value       = local.user_data
  description = "The configuration (rebuilder.toml) that instances get."
}
