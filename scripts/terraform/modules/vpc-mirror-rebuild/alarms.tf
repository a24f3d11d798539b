# What somebody has to be told. Figures of the namespace Rebuilder come from the agent on each instance, once a minute.

locals {
  alarms = {
    "unhealthy" = {
      description = "An instance fails its health check: no port, or a thread that hangs. The group replaces it."
      namespace   = "AWS/NetworkELB"
      metric      = "UnHealthyHostCount"
      dimensions  = local.target_dimensions
      statistic   = "Maximum"
      above       = 0
      below       = null
      periods     = 5
      silence     = "notBreaching"
    }
    "too-few" = {
      description = "Fewer healthy instances than min_size."
      namespace   = "AWS/NetworkELB"
      metric      = "HealthyHostCount"
      dimensions  = local.target_dimensions
      statistic   = "Minimum"
      above       = null
      below       = var.min_size
      periods     = 5
      silence     = "breaching"
    }
    "nothing-arrives" = {
      description = "No mirrored packet came for 15 minutes, or nobody says how many did. README, \"Nothing arrives\"."
      namespace   = local.metric_namespace
      metric      = "Frames"
      dimensions  = local.group_dimensions
      statistic   = "Sum"
      above       = null
      below       = 1
      periods     = 15
      silence     = "breaching"
    }
    "missed" = {
      description = "Packets came faster than they were taken: more or larger instances are needed."
      namespace   = local.metric_namespace
      metric      = "FramesMissed"
      dimensions  = local.group_dimensions
      statistic   = "Sum"
      above       = 0
      below       = null
      periods     = 3
      silence     = "notBreaching"
    }
    "shed" = {
      description = "Requests were not sent since the analysers are too slow: more of them are needed."
      namespace   = local.metric_namespace
      metric      = "RequestsShed"
      dimensions  = local.group_dimensions
      statistic   = "Sum"
      above       = 0
      below       = null
      periods     = 5
      silence     = "notBreaching"
    }
    "failed" = {
      description = "Requests got no answer from the analysers."
      namespace   = local.metric_namespace
      metric      = "RequestsFailed"
      dimensions  = local.group_dimensions
      statistic   = "Sum"
      above       = 0
      below       = null
      periods     = 5
      silence     = "notBreaching"
    }
    "gaps" = {
      description = "More than a hundredth of the requests is lost to holes in what the mirror brings: the sources skip packets (NetworkPacketsSkipMirrorIn), or cut them (packet_length)."
      namespace   = local.metric_namespace
      metric      = "LostToGapsPercent"
      dimensions  = local.group_dimensions
      statistic   = "Average"
      above       = 1
      below       = null
      periods     = 5
      silence     = "notBreaching"
    }
  }

  group_dimensions = { AutoScalingGroupName = aws_autoscaling_group.default.name }
  target_dimensions = {
    LoadBalancer = aws_lb.default.arn_suffix
    TargetGroup  = aws_lb_target_group.default.arn_suffix
  }
}

resource "aws_cloudwatch_metric_alarm" "default" {
  for_each = local.alarms

  alarm_name          = "${var.app_name}-${each.key}"
  alarm_description   = each.value.description
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = 60
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.above != null ? "GreaterThanThreshold" : "LessThanThreshold"
  threshold           = each.value.above != null ? each.value.above : each.value.below
  treat_missing_data  = each.value.silence
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions

  tags = var.tags
}
