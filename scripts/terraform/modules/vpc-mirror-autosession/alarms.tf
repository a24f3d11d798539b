# Two alarms: sessions that can't be made, and a function that no longer looks. One bad run is mended by the next.

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${var.app_name}-failed"
  alarm_description   = "Mirror sessions could not be created or deleted in three runs: quota, rights or throttling. The log of ${var.app_name} has the reasons."
  namespace           = "Rebuilder"
  metric_name         = "SessionsFailed"
  dimensions          = { AppName = var.app_name }
  statistic           = "Maximum"
  period              = var.schedule_minutes * 60
  evaluation_periods  = 3
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}

# SessionsWanted comes from complete runs only.
resource "aws_cloudwatch_metric_alarm" "silent" {
  alarm_name          = "${var.app_name}-silent"
  alarm_description   = "No complete run has ended for three schedules: new instances may not be mirrored."
  namespace           = "Rebuilder"
  metric_name         = "SessionsWanted"
  dimensions          = { AppName = var.app_name }
  statistic           = "SampleCount"
  period              = var.schedule_minutes * 60
  evaluation_periods  = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
