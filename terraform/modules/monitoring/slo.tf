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

# Burn rates on Google's own series, for the critical systems: a policy an
# objective and window, long and short window both (Google's SRE workbook,
# chapter 5). All systems have the same on our series (datos.rules.yml), where
# one policy groups them.
locals {
  burns = {
    fast = { rate = 14.4, long = "3600s", short = "300s", severity = "CRITICAL" }
    slow = { rate = 6, long = "21600s", short = "1800s", severity = "CRITICAL" }
    low  = { rate = 1, long = "259200s", short = "21600s", severity = "WARNING" }
  }
  objectives = {
    availability = { slo = google_monitoring_slo.availability, runbook = "availability-burn" }
    latency      = { slo = google_monitoring_slo.latency, runbook = "latency" }
  }
  burn_alerts = {
    for set in setproduct([for name, s in var.systems : name if s.critical], keys(local.objectives), keys(local.burns)) :
    join("-", set) => merge(local.burns[set[2]], {
      system = set[0]
      slo    = local.objectives[set[1]].slo[set[0]].name
      page   = local.objectives[set[1]].runbook
    })
  }
}

resource "google_monitoring_alert_policy" "burn" {
  for_each     = local.burn_alerts
  display_name = "SLO burn ${each.key}"
  combiner     = "AND"
  severity     = each.value.severity
  # the owner of the system; nobody else
  notification_channels = [
    for owner, channel in google_monitoring_notification_channel.owner : channel.id
    if owner == var.systems[each.value.system].owner
  ]

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

  documentation {
    mime_type = "text/markdown"
    content   = "[Runbook](${var.runbook_url}#${each.value.page})"
  }

  user_labels = {
    system   = each.value.system
    severity = lower(each.value.severity)
  }
}
