# What the function may do: see all, create sessions from this VPC to this target only, and delete its own only.

locals {
  ec2_arn  = "arn:${data.aws_partition.current.partition}:ec2:${data.aws_region.current.name}"
  own_ec2  = "${local.ec2_arn}:${data.aws_caller_identity.current.account_id}"
  sessions = "${local.own_ec2}:traffic-mirror-session/*"
}

data "aws_iam_policy_document" "assume" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "lambda" {
  # Describe calls know no resources.
  statement {
    sid       = "See"
    resources = ["*"]
    actions = [
      "ec2:DescribeInstances",
      "ec2:DescribeTrafficMirrorSessions",
      "ec2:DescribeTrafficMirrorTargets",
      "elasticloadbalancing:DescribeTargetGroups",
      "elasticloadbalancing:DescribeTargetHealth",
    ]
  }

  # CreateTrafficMirrorSession needs four resources: filter, target, interface and the session itself.
  # The filter, the target and the VPC may be shared by another account.
  statement {
    sid     = "CreateWithFilterAndTarget"
    actions = ["ec2:CreateTrafficMirrorSession"]
    resources = [
      "${local.ec2_arn}:*:traffic-mirror-filter/${var.filter_id}",
      "${local.ec2_arn}:*:traffic-mirror-target/${var.target_id}",
    ]
  }

  statement {
    sid       = "CreateFromVpc"
    actions   = ["ec2:CreateTrafficMirrorSession"]
    resources = ["${local.own_ec2}:network-interface/*"]

    condition {
      test     = "ArnLike"
      variable = "ec2:Vpc"
      values   = ["${local.ec2_arn}:*:vpc/${var.vpc_id}"]
    }
  }

  statement {
    sid       = "CreateTagged"
    actions   = ["ec2:CreateTrafficMirrorSession"]
    resources = [local.sessions]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.owner_tag}"
      values   = [var.app_name]
    }
  }

  statement {
    sid       = "TagOnCreate"
    actions   = ["ec2:CreateTags"]
    resources = [local.sessions]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["CreateTrafficMirrorSession"]
    }
  }

  statement {
    sid       = "DeleteOwn"
    actions   = ["ec2:DeleteTrafficMirrorSession"]
    resources = [local.sessions]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.owner_tag}"
      values   = [var.app_name]
    }
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.lambda.arn}:*"]
  }

  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "lambda" {
  name               = var.app_name
  description        = "Function that keeps mirror sessions"
  assume_role_policy = data.aws_iam_policy_document.assume.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "lambda" {
  name   = var.app_name
  role   = aws_iam_role.lambda.id
  policy = data.aws_iam_policy_document.lambda.json
}
