output "filter_id" {
  value       = aws_ec2_traffic_mirror_filter.default.id
  description = "ID of the traffic mirror filter."
}

output "target_id" {
  value       = aws_ec2_traffic_mirror_target.default.id
  description = "ID of the traffic mirror target."
}

output "session_ids" {
  value       = { for id, session in aws_ec2_traffic_mirror_session.default : id => session.id }
  description = "ID of the mirror session of each network interface."
}

output "vxlan_id" {
  value       = var.vxlan_id
  description = "VXLAN network identifier of the mirrored packets."
}

output "packet_length" {
  value       = var.packet_length
  description = "How many bytes of a packet are mirrored."
}

output "session_number" {
  value       = var.session_id
  description = "Number of the sessions at their network interfaces."
}
