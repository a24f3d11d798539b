# The load balancer that the mirror sends to: UDP/4789 to all instances, by a hash of addresses and ports.

resource "aws_lb" "default" {
  name               = var.app_name
  load_balancer_type = "network"
  internal           = true
  subnets            = var.subnet_ids

  # Without it a zone whose instances are all gone gets the mirror's packets and loses them, and a zone that is added
  # later gets none.
  enable_cross_zone_load_balancing = true

  tags = merge(var.tags, { Name = var.app_name })
}

resource "aws_lb_target_group" "default" {
  name        = var.app_name
  vpc_id      = var.vpc_id
  target_type = "instance"
  protocol    = "UDP"
  port        = local.vxlan_port

  # UDP itself can't be checked. This fails when an instance is no use, as without packets' reception, and while it drains.
  health_check {
    protocol            = "HTTP"
    port                = tostring(local.health_port)
    path                = "/-/healthcheck"
    matcher             = "200"
    interval            = 10
    timeout             = 6
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }

  # A source's flows are never idle for long, so they would stay with an instance that leaves, if they weren't ended.
  deregistration_delay   = tostring(var.deregistration_delay)
  connection_termination = true

  tags = merge(var.tags, { Name = var.app_name })
}

resource "aws_lb_listener" "default" {
  load_balancer_arn = aws_lb.default.arn
  protocol          = "UDP"
  port              = local.vxlan_port

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.default.arn
  }

  tags = var.tags
}
