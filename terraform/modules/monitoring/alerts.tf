# One policy a symptom and owner, not one a system: each condition groups by
# `system`, so fifty systems of one owner cost as many policies as one, and a
# policy wakes the owner of the system and nobody else. The expressions
# (rules.tf) are the file that Prometheus reads too.

resource "google_monitoring_notification_channel" "owner" {
  for_each     = var.alert_emails
  display_name = "datos ${each.key}"
  type         = "email"
  labels = {
    email_address = each.value
  }
}

locals {
  # an owner without an address is told nothing
  channels = {
    for owner in keys(local.owners) : owner => [
      for name, channel in google_monitoring_notification_channel.owner : channel.id if name == owner
    ]
  }
}

resource "google_monitoring_alert_policy" "rule" {
  for_each              = local.rules
  display_name          = "${each.value.alert} (${each.value.owner})"
  combiner              = "OR"
  severity              = each.value.labels.severity == "page" ? "CRITICAL" : "WARNING"
  notification_channels = local.channels[each.value.owner]

  conditions {
    display_name = each.value.alert
    condition_prometheus_query_language {
      query               = each.value.expr
      duration            = { "2m" = "120s", "5m" = "300s", "10m" = "600s", "15m" = "900s", "30m" = "1800s", "1h" = "3600s" }[each.value.for]
      evaluation_interval = "60s"
      rule_group          = "datos"
      alert_rule          = each.value.alert
      labels              = each.value.labels
      # the first apply comes before the first sample
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    subject   = "${each.value.alert} on $${metric_or_resource.label.system}"
    content   = "${replace(each.value.annotations.summary, "{{ $labels.system }}", "$${metric_or_resource.label.system}")}\n\n[Runbook](${var.runbook_url}#${each.value.annotations.runbook})"
  }

  alert_strategy {
    auto_close = "86400s"
  }

  user_labels = {
    severity = each.value.labels.severity
    owner    = each.value.owner
  }
}

# What only Google can see: Pub/Sub's own view of the backlog, and forwards to
# the dead-letter topic.
resource "google_monitoring_alert_policy" "oldest_unacked" {
  for_each              = local.owners
  display_name          = "PubSubOldestUnacked (${each.key})"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels[each.key]

  conditions {
    display_name = "oldest message over ten minutes"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.label.subscription_id = monitoring.regex.full_match(\"${each.value.subscriptions}\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 600
      duration        = "300s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.label.subscription_id"]
      }
    }
  }

  conditions {
    display_name = "backlog will pass an hour within two"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND resource.label.subscription_id = monitoring.regex.full_match(\"${each.value.subscriptions}\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 3600
      duration        = "900s"
      forecast_options {
        forecast_horizon = "7200s"
      }
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_MAX"
        cross_series_reducer = "REDUCE_MAX"
        group_by_fields      = ["resource.label.subscription_id"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#backlog)"
  }

  user_labels = {
    owner = each.key
  }
}

resource "google_monitoring_alert_policy" "dead_letters" {
  for_each              = local.owners
  display_name          = "PubSubDeadLetters (${each.key})"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels[each.key]

  conditions {
    display_name = "Pub/Sub gave up on messages"
    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\" AND resource.label.subscription_id = monitoring.regex.full_match(\"${each.value.subscriptions}\")"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.label.subscription_id"]
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#dead-letters)"
  }

  user_labels = {
    owner = each.key
  }
}

# A system that has never told anything: the rule DatosGone knows only those
# that did. One condition: a policy has six at most, systems may be fifty.
resource "google_monitoring_alert_policy" "absent" {
  for_each              = local.owners
  display_name          = "DatosAbsent (${each.key})"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = local.channels[each.key]

  conditions {
    display_name = "a system tells nothing"
    condition_prometheus_query_language {
      query                     = join(" or ", [for name in each.value.systems : "absent(datos_build_info{system=\"${name}\"})"])
      duration                  = "900s"
      evaluation_interval       = "60s"
      disable_metric_validation = true
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#silence)"
  }

  user_labels = {
    owner = each.key
  }
}

# The API's; a saturated worker shows as a backlog.
resource "google_monitoring_alert_policy" "saturation" {
  for_each              = local.owners
  display_name          = "CloudRunSaturation (${each.key})"
  combiner              = "OR"
  severity              = "WARNING"
  notification_channels = local.channels[each.key]

  dynamic "conditions" {
    for_each = { memory = 0.9, cpu = 0.9 }
    content {
      display_name = "${conditions.key} over 90 %"
      condition_threshold {
        filter          = "resource.type = \"cloud_run_revision\" AND metric.type = \"run.googleapis.com/container/${conditions.key}/utilizations\" AND resource.label.service_name = monitoring.regex.full_match(\"${each.value.services}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = conditions.value
        duration        = "900s"
        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = "ALIGN_PERCENTILE_95"
          cross_series_reducer = "REDUCE_MAX"
          group_by_fields      = ["resource.label.service_name"]
        }
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#saturation)"
  }

  user_labels = {
    owner = each.key
  }
}
