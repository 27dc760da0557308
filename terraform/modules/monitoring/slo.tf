# Objectives on Cloud Run's own metrics: they hold even if ours are lost.

resource "google_monitoring_custom_service" "system" {
  for_each     = var.systems
  service_id   = "datos-${each.key}"
  display_name = "datos ${each.key}"
}

locals {
  requests = {
    for name, s in var.systems : name =>
    "resource.type=\"cloud_run_revision\" AND resource.label.service_name=\"${s.service}\" AND metric.type=\"run.googleapis.com/request_count\""
  }
  failed = { for name, filter in local.requests : name => "${filter} AND metric.label.response_code_class=\"5xx\"" }
}

resource "google_monitoring_slo" "availability" {
  for_each            = var.systems
  service             = google_monitoring_custom_service.system[each.key].service_id
  slo_id              = "availability"
  display_name        = "99.9 % of requests without a server error"
  goal                = 0.999
  rolling_period_days = 28

  request_based_sli {
    good_total_ratio {
      bad_service_filter   = local.failed[each.key]
      total_service_filter = local.requests[each.key]
    }
  }
}

# Latency and freshness have their objectives in datos.rules.yml and nowhere
# else. Cloud Run's request_latencies knows no route: it counts a listener of
# GET /datos/stream, who stays for minutes, a POST and a push as slow reads, and
# an objective on our own histogram would name a metric that its first sample
# makes, after the first apply. Their share is on each system's page.

# Burn rates on Google's own series, for the critical systems: a policy a
# window, long and short both (Google's SRE workbook, chapter 5), and more
# failures than ten: on a quiet system one is no evidence. All systems have the
# same on our series (datos.rules.yml), where one policy groups them.
locals {
  # a condition looks back 25 hours at most
  burns = {
    fast = { rate = 14.4, long = "3600s", short = "300s", evidence = "3600s", severity = "CRITICAL" }
    slow = { rate = 6, long = "21600s", short = "1800s", evidence = "21600s", severity = "CRITICAL" }
    low  = { rate = 1, long = "259200s", short = "21600s", evidence = "86400s", severity = "WARNING" }
  }
  burn_alerts = {
    for set in setproduct([for name, s in var.systems : name if s.critical], keys(local.burns)) :
    "${set[0]}-availability-${set[1]}" => merge(local.burns[set[1]], {
      system = set[0]
      slo    = google_monitoring_slo.availability[set[0]].name
      failed = local.failed[set[0]]
    })
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each     = local.burn_alerts
  display_name = "SLO burn ${each.key}"
  combiner     = "AND"
  severity     = each.value.severity
  # the owner of the system; nobody else
  notification_channels = local.channels[var.systems[each.value.system].owner]

  dynamic "conditions" {
    for_each = { "long window" = each.value.long, "short window" = each.value.short }
    content {
      display_name = conditions.key
      condition_threshold {
        filter          = "select_slo_burn_rate(\"${each.value.slo}\", \"${conditions.value}\")"
        comparison      = "COMPARISON_GT"
        threshold_value = each.value.rate
        duration        = "0s"
      }
    }
  }

  conditions {
    display_name = "more than ten failures"
    condition_threshold {
      filter          = each.value.failed
      comparison      = "COMPARISON_GT"
      threshold_value = 10
      duration        = "0s"
      aggregations {
        alignment_period     = each.value.evidence
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#availability-burn)"
  }

  user_labels = {
    system   = each.value.system
    severity = lower(each.value.severity)
  }
}
