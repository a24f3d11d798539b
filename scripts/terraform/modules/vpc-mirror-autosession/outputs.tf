# For invoking the function by hand, finding its sessions, and dashboards.

output "function_name" {
  description = "Name of the Lambda function, for `aws lambda invoke`."
  value       = aws_lambda_function.autosession.function_name
}

output "function_arn" {
  description = "ARN of the Lambda function."
  value       = aws_lambda_function.autosession.arn
}

output "log_group_name" {
  description = "Log group with one JSON line a run."
  value       = aws_cloudwatch_log_group.lambda.name
}

output "dead_letter_queue_url" {
  description = "Queue of the events that failed three times."
  value       = aws_sqs_queue.dead_letters.url
}

output "session_tag" {
  description = "Tag of the sessions that the function made; no others are ever deleted."
  value       = { key = local.owner_tag, value = var.app_name }
}

output "alarm_arns" {
  description = "The alarms: sessions that failed, and no complete run."
  value       = [aws_cloudwatch_metric_alarm.failed.arn, aws_cloudwatch_metric_alarm.silent.arn]
}
