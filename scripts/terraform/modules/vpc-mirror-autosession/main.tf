# The function that keeps the sessions, and its runs at apply and destroy.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  owner_tag = "RebuilderAutosession" # as in lambda/plan.py

  config = jsonencode({
    app_name                    = var.app_name
    vpc_id                      = var.vpc_id
    filter_id                   = var.filter_id
    target_id                   = var.target_id
    vxlan_id                    = var.vxlan_id
    packet_length               = var.packet_length
    session_number              = var.session_number
    asg_names                   = var.asg_names
    eks_cluster_names           = var.eks_cluster_names
    instance_tags               = var.instance_tags
    interfaces                  = var.interfaces
    excluded_interface_ids      = var.excluded_interface_ids
    excluded_security_group_ids = var.excluded_security_group_ids
    excluded_instance_types     = var.excluded_instance_types
    tags                        = var.tags
  })
}

data "archive_file" "lambda" {
  type             = "zip"
  output_path      = "${path.root}/.terraform/${var.app_name}.zip"
  output_file_mode = "0644"

  source {
    filename = "autosession.py"
    content  = file("${path.module}/lambda/autosession.py")
  }
  source {
    filename = "plan.py"
    content  = file("${path.module}/lambda/plan.py")
  }
}

resource "aws_cloudwatch_log_group" "lambda" {
  name              = "/aws/lambda/${var.app_name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_lambda_function" "autosession" {
  function_name                  = var.app_name
  description                    = "Mirror sessions of instances that come and go"
  role                           = aws_iam_role.lambda.arn
  runtime                        = "python3.13"
  architectures                  = ["arm64"]
  handler                        = "autosession.handler"
  filename                       = data.archive_file.lambda.output_path
  source_code_hash               = data.archive_file.lambda.output_base64sha256
  memory_size                    = 256
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency
  kms_key_arn                    = var.kms_key_arn
  tags                           = var.tags

  environment {
    variables = {
      CONFIG = local.config
    }
  }

  dead_letter_config {
    target_arn = aws_sqs_queue.dead_letters.arn
  }

  lifecycle {
    precondition {
      condition     = length(var.asg_names) + length(var.eks_cluster_names) + length(var.instance_tags) > 0
      error_message = "One of asg_names, eks_cluster_names and instance_tags has to say which instances are mirrored."
    }
    precondition {
      condition     = length(local.config) <= 3900
      error_message = "The lists are too long for the environment of a Lambda function (4 KB): choose instances by a tag."
    }
  }

  depends_on = [aws_cloudwatch_log_group.lambda, aws_iam_role_policy.lambda]
}

# Events wait behind a long run, but what is older than an hour has been seen by the schedule long since.
resource "aws_lambda_function_event_invoke_config" "autosession" {
  function_name                = aws_lambda_function.autosession.function_name
  maximum_event_age_in_seconds = 3600
  maximum_retry_attempts       = 2
}

# Runs at once when something here changes; before a destroy it deletes the sessions, which would keep the filter and the
# target from being deleted. The rules depend on this, so that they are gone by then.
resource "aws_lambda_invocation" "reconcile" {
  function_name   = aws_lambda_function.autosession.function_name
  lifecycle_scope = "CRUD"
  input           = jsonencode({ config = sha256(local.config) })

  depends_on = [aws_lambda_function_event_invoke_config.autosession]
}
