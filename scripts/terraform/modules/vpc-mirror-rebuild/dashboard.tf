# One page: what comes, what is lost and where, what is sent, and what the sources skip.

locals {
  own = [local.metric_namespace, "AutoScalingGroupName", aws_autoscaling_group.default.name]

  # Title, then one [label, metric, statistic] a line.
  own_graphs = [
    { title = "Mirrored packets a minute", lines = [["received", "Frames", "Sum"], ["missed by the card or the kernel", "FramesMissed", "Sum"]] },
    { title = "Requests a minute", lines = [["rebuilt", "Requests", "Sum"], ["answered", "RequestsAnswered", "Sum"]] },
    { title = "Requests that were not sent", lines = [["lost, all reasons", "RequestsLost", "Sum"], ["shed: the analysers are too slow", "RequestsShed", "Sum"], ["no answer", "RequestsFailed", "Sum"]] },
    { title = "Holes in the mirror", lines = [["gaps", "TcpGaps", "Sum"], ["packets cut by the mirror", "SegmentsCut", "Sum"]] },
    { title = "Requests lost to holes, percent", lines = [["mean", "LostToGapsPercent", "Average"], ["worst instance", "LostToGapsPercent", "Maximum"]] },
    { title = "Output queues, percent full", lines = [["worst instance", "QueuePercent", "Maximum"]] },
  ]

  graphs = concat(
    [
      for graph in local.own_graphs : {
        title = graph.title
        metrics = [
          for line in graph.lines : [local.own[0], line[1], local.own[1], local.own[2], { label = line[0], stat = line[2] }]
        ]
      }
    ],
    [
      {
        title = "Packets at the load balancer a minute"
        metrics = [
          ["AWS/NetworkELB", "ProcessedPackets", "LoadBalancer", aws_lb.default.arn_suffix, { label = "processed", stat = "Sum" }],
        ]
      },
      {
        title = "Instances"
        metrics = [
          ["AWS/NetworkELB", "HealthyHostCount", "TargetGroup", aws_lb_target_group.default.arn_suffix, "LoadBalancer", aws_lb.default.arn_suffix, { label = "healthy", stat = "Minimum" }],
          ["AWS/NetworkELB", "UnHealthyHostCount", "TargetGroup", aws_lb_target_group.default.arn_suffix, "LoadBalancer", aws_lb.default.arn_suffix, { label = "not healthy", stat = "Maximum" }],
        ]
      },
      {
        # All instances of the account and region that have such figures: the sources.
        title = "Packets that sources did not mirror for want of bandwidth"
        metrics = [
          for metric in ["NetworkPacketsSkipMirrorIn", "NetworkPacketsSkipMirrorOut", "NetworkSkipMirrorIn", "NetworkSkipMirrorOut"] :
          [{ expression = "SUM(SEARCH('{AWS/EC2,InstanceId} MetricName=\"${metric}\"', 'Sum', 60))", label = metric }]
        ]
      },
      {
        title = "Packets that sources mirrored"
        metrics = [
          for metric in ["NetworkPacketsMirrorIn", "NetworkPacketsMirrorOut"] :
          [{ expression = "SUM(SEARCH('{AWS/EC2,InstanceId} MetricName=\"${metric}\"', 'Sum', 60))", label = metric }]
        ]
      },
    ],
  )
}

resource "aws_cloudwatch_dashboard" "default" {
  dashboard_name = var.app_name

  dashboard_body = jsonencode({
    widgets = [
      for index, graph in local.graphs : {
        type   = "metric"
        x      = index % 2 * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = graph.title
          region  = data.aws_region.current.name
          period  = 60
          metrics = graph.metrics
        }
      }
    ]
  })
}
