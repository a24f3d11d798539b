output "template_id" {
  value       = aws_launch_template.default.id
  description = "ID of the launch template."
}
