# A page for each system and one for all of them, worst first; both from
# var.systems, so that a new system is a new line there.

locals {
  # title, PromQL with %s for the system selector, unit
  system_charts = [
    ["Messages stored a second", "sum(rate(datos_ingest_messages_total{system=\"%s\",outcome=\"stored\"}[5m]))", "1/s"],
    ["Ingest errors a second, by kind", "sum by (kind) (rate(datos_ingest_errors_total{system=\"%s\"}[5m]))", "1/s"],
    ["GET /datos: p50, p95, p99", "histogram_quantile(0.99, sum by (le) (rate(datos_http_request_duration_seconds_bucket{system=\"%s\",route=\"/datos\"}[5m])))", "s"],
    ["/health: p99", "histogram_quantile(0.99, sum by (le) (rate(datos_http_request_duration_seconds_bucket{system=\"%s\",route=\"/health\"}[5m])))", "s"],
    ["Requests a second, by status", "sum by (status) (rate(datos_http_request_duration_seconds_count{system=\"%s\"}[5m]))", "1/s"],
    ["Publish to visible: p99", "histogram_quantile(0.99, sum by (le) (rate(datos_visible_seconds_bucket{system=\"%s\"}[5m])))", "s"],
    ["Age of the oldest message held", "max(datos_ingest_lag_seconds{system=\"%s\"})", "s"],
    ["Reads, by where the answer came from", "sum by (result) (rate(datos_cache_requests_total{system=\"%s\"}[5m]))", "1/s"],
    ["Dependencies up", "min by (dependency) (datos_dependency_up{system=\"%s\"})", ""],
    ["CPU", "sum(rate(process_cpu_seconds_total{system=\"%s\"}[5m]))", "cores"],
    ["Memory", "sum(process_resident_memory_bytes{system=\"%s\"})", "By"],
  ]

  global_charts = [
    ["Worst first: share of requests that fail", "topk(10, sum by (system) (rate(datos_http_request_duration_seconds_count{status=\"5xx\"}[30m])) / sum by (system) (rate(datos_http_request_duration_seconds_count[30m])))"],
    ["Worst first: read latency p99", "topk(10, histogram_quantile(0.99, sum by (system, le) (rate(datos_http_request_duration_seconds_bucket{route=\"/datos\"}[30m]))))"],
    ["Worst first: oldest message", "topk(10, max by (system) (datos_ingest_lag_seconds))"],
    ["Worst first: share of messages rejected", "topk(10, sum by (system) (rate(datos_ingest_messages_total{outcome=\"rejected\"}[1h])) / sum by (system) (rate(datos_ingest_messages_total[1h])))"],
    ["All systems: messages stored a second", "sum(rate(datos_ingest_messages_total{outcome=\"stored\"}[5m]))"],
    ["All systems: requests a second", "sum(rate(datos_http_request_duration_seconds_count[5m]))"],
    ["Errors compared: permanent, by system", "sum by (system) (rate(datos_ingest_errors_total{kind=\"permanent\"}[1h]))"],
    ["Errors compared: transient, by system", "sum by (system) (rate(datos_ingest_errors_total{kind=\"transient\"}[1h]))"],
    ["Balance: each system's share of the load", "sum by (system) (rate(datos_http_request_duration_seconds_count[30m])) / scalar(sum(rate(datos_http_request_duration_seconds_count[30m])))"],
    ["Traffic by region", "sum by (region) (rate(datos_http_request_duration_seconds_count[5m]))"],
  ]

  critical = join("|", [for name, s in var.systems : name if s.critical])
}

resource "google_monitoring_dashboard" "system" {
  for_each = var.systems

  dashboard_json = jsonencode({
    displayName = "datos: ${each.key}"
    labels      = { system = each.key, owner = each.value.owner }
    mosaicLayout = {
      columns = 48
      tiles = [
        for i, chart in local.system_charts : {
          xPos   = (i % 2) * 24
          yPos   = floor(i / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart[0]
            xyChart = {
              dataSets = [
                for q in strcontains(chart[0], "p50") ? ["0.5", "0.95", "0.99"] : ["0.99"] : {
                  plotType        = "LINE"
                  legendTemplate  = strcontains(chart[0], "p50") ? "p${tonumber(q) * 100}" : null
                  timeSeriesQuery = { prometheusQuery = replace(format(chart[1], each.key), "histogram_quantile(0.99", "histogram_quantile(${q}"), unitOverride = chart[2] }
                }
              ]
            }
          }
        }
      ]
    }
  })
}

resource "google_monitoring_dashboard" "all" {
  dashboard_json = jsonencode({
    displayName = "datos: all ${length(var.systems)} systems"
    mosaicLayout = {
      columns = 48
      tiles = concat([
        {
          xPos   = 0
          yPos   = 0
          width  = 48
          height = 12
          widget = {
            title = "Critical systems: share of requests that fail"
            timeSeriesTable = {
              dataSets = [{
                timeSeriesQuery = { prometheusQuery = "sort_desc(sum by (system) (rate(datos_http_request_duration_seconds_count{status=\"5xx\",system=~\"${local.critical}\"}[30m])) / sum by (system) (rate(datos_http_request_duration_seconds_count{system=~\"${local.critical}\"}[30m])))" }
              }]
            }
          }
        }
        ], [
        for i, chart in local.global_charts : {
          xPos   = (i % 2) * 24
          yPos   = 12 + floor(i / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart[0]
            xyChart = {
              dataSets = [{ plotType = "LINE", timeSeriesQuery = { prometheusQuery = chart[1] } }]
            }
          }
        }
      ])
    }
  })
}

# Logs cost by volume: successes are counted in metrics, so nine in ten of
# their lines stay out; every warning and error stays in.
resource "google_logging_project_exclusion" "successes" {
  name        = "datos-successful-requests"
  description = "Nine of ten lines about successful requests"
  filter      = "resource.type=\"cloud_run_revision\" AND severity<WARNING AND httpRequest.status<400 AND sample(insertId, 0.9)"
}
