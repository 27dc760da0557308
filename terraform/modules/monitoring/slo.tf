# Objectives on Cloud Run's own metrics: they hold even if ours are lost.

resource "google_monitoring_custom_service" "system" {
  for_each     = var.systems
  service_id   = "datos-${each.key}"
  display_name = "datos ${each.key}"
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
      bad_service_filter   = "resource.type=\"cloud_run_revision\" AND resource.label.service_name=\"${each.value.service}\" AND metric.type=\"run.googleapis.com/request_count\" AND metric.label.response_code_class=\"5xx\""
      total_service_filter = "resource.type=\"cloud_run_revision\" AND resource.label.service_name=\"${each.value.service}\" AND metric.type=\"run.googleapis.com/request_count\""
    }
  }
}

resource "google_monitoring_slo" "latency" {
  for_each            = var.systems
  service             = google_monitoring_custom_service.system[each.key].service_id
  slo_id              = "latency"
  display_name        = "99 % of requests within 100 ms"
  goal                = 0.99
  rolling_period_days = 28

  request_based_sli {
    distribution_cut {
      distribution_filter = "resource.type=\"cloud_run_revision\" AND resource.label.service_name=\"${each.value.service}\" AND metric.type=\"run.googleapis.com/request_latencies\""
      range {
        max = 100
      }
    }
  }
}

# The multi-window pair on Google's own series.
locals {
  burns = {
    fast = { rate = 14.4, long = "3600s", short = "300s", severity = "CRITICAL" }
    slow = { rate = 6, long = "21600s", short = "1800s", severity = "CRITICAL" }
    low  = { rate = 1, long = "259200s", short = "21600s", severity = "WARNING" }
  }
  burn_alerts = merge([
    for system in keys(var.systems) : {
      for window, b in local.burns : "${system}-${window}" => merge(b, { system = system })
    }
  ]...)
}

resource "google_monitoring_alert_policy" "burn" {
  for_each              = local.burn_alerts
  display_name          = "SLO burn ${each.key}"
  combiner              = "AND"
  severity              = each.value.severity
  notification_channels = local.channels

  conditions {
    display_name = "long window"
    condition_threshold {
      filter          = "select_slo_burn_rate(\"${google_monitoring_slo.availability[each.value.system].name}\", \"${each.value.long}\")"
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.rate
      duration        = "0s"
    }
  }

  conditions {
    display_name = "short window"
    condition_threshold {
      filter          = "select_slo_burn_rate(\"${google_monitoring_slo.availability[each.value.system].name}\", \"${each.value.short}\")"
      comparison      = "COMPARISON_GT"
      threshold_value = each.value.rate
      duration        = "0s"
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#availability-burn)"
  }
}
