# The network interfaces of classic and Application Load Balancers: what clients send, with their own addresses. Network
# Load Balancers are left out: AWS's list of sources doesn't have them, and mirroring their targets shows the same.

data "aws_network_interfaces" "elb" {
  count = length(var.elb_names) > 0 ? 1 : 0

  filter {
    name   = "vpc-id"
    values = [var.vpc_id]
  }

  filter {
    name   = "status"
    values = ["in-use"]
  }

  filter {
    name   = "requester-id"
    values = ["amazon-elb"]
  }

  filter {
    name   = "description"
    values = concat([for name in var.elb_names : "ELB ${name}"], [for name in var.elb_names : "ELB app/${name}/*"])
  }
}
