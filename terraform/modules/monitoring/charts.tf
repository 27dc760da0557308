# What the dashboards show, as data: tests read it without a provider. A page
# for each system and one for all of them, worst first; both from var.systems,
# so that a new system is a new line there.

locals {
  http    = "datos_http_request_duration_seconds"
  read    = "route=\"/datos\",method=\"GET\""
  mean    = "sum(rate(${local.http}_sum{%s}[5m])) / sum(rate(${local.http}_count{%s}[5m]))"
  quant   = "histogram_quantile(%s, sum by (le) (rate(${local.http}_bucket{%s}[5m])))"
  latency = { mean = null, p50 = "0.5", p95 = "0.95", p99 = "0.99", max = "1" }

  # per system: title, unit, and a query a line; SYSTEM is filled in
  system_charts = [
    { title = "Messages stored a second", unit = "1/s", lines = {
      "" = "sum by (outcome) (rate(datos_ingest_messages_total{SYSTEM}[5m]))"
    } },
    { title = "Ingest errors a second: transient, permanent", unit = "1/s", lines = {
      "" = "sum by (kind) (rate(datos_ingest_errors_total{SYSTEM}[5m]))"
    } },
    { title = "GET /datos: mean, percentiles, max", unit = "s", lines = {
      for name, q in local.latency : name => q == null ?
      format(local.mean, "SYSTEM,${local.read}", "SYSTEM,${local.read}") : format(local.quant, q, "SYSTEM,${local.read}")
    } },
    { title = "GET /health: mean, percentiles, max", unit = "s", lines = {
      for name, q in local.latency : name => q == null ?
      format(local.mean, "SYSTEM,route=\"/health\"", "SYSTEM,route=\"/health\"") : format(local.quant, q, "SYSTEM,route=\"/health\"")
    } },
    { title = "Requests a second, by status", unit = "1/s", lines = {
      "" = "sum by (status) (rate(${local.http}_count{SYSTEM}[5m]))"
    } },
    { title = "Publish to visible: p50, p99", unit = "s", lines = {
      p50 = "histogram_quantile(0.5, sum by (le) (rate(datos_visible_seconds_bucket{SYSTEM}[5m])))"
      p99 = "histogram_quantile(0.99, sum by (le) (rate(datos_visible_seconds_bucket{SYSTEM}[5m])))"
    } },
    { title = "Objectives over a day: reads within 100 ms, messages visible within 10 s (both 99 %)", unit = "1", lines = {
      reads    = "sum(rate(${local.http}_bucket{SYSTEM,${local.read},le=\"0.1\"}[1d])) / sum(rate(${local.http}_count{SYSTEM,${local.read}}[1d]))"
      messages = "sum(rate(datos_visible_seconds_bucket{SYSTEM,le=~\"10|10.0\"}[1d])) / sum(rate(datos_visible_seconds_count{SYSTEM}[1d]))"
    } },
    { title = "Age of the oldest message held", unit = "s", lines = {
      "" = "max(datos_ingest_lag_seconds{SYSTEM})"
    } },
    { title = "Reads, by where the answer came from", unit = "1/s", lines = {
      "" = "sum by (result) (rate(datos_cache_requests_total{SYSTEM}[5m]))"
    } },
    { title = "Dependencies up", unit = "1", lines = {
      "" = "min by (dependency) (datos_dependency_up{SYSTEM})"
    } },
    { title = "Store: calls a second, by outcome", unit = "1/s", lines = {
      "" = "sum by (op, outcome) (rate(datos_store_request_duration_seconds_count{SYSTEM}[5m]))"
    } },
    { title = "CPU", unit = "1", lines = {
      "" = "sum(rate(process_cpu_seconds_total{SYSTEM}[5m]))"
    } },
    { title = "Memory", unit = "By", lines = {
      "" = "sum(process_resident_memory_bytes{SYSTEM})"
    } },
  ]

  critical    = join("|", sort([for name, s in var.systems : name if s.critical]))
  is_critical = "system=~\"${local.critical}\""
  failing     = "sum by (system) (rate(${local.http}_count{status=\"5xx\"%s}[30m])) / sum by (system) (rate(${local.http}_count{%s}[30m]))"
  rejected    = "sum by (system) (rate(datos_ingest_messages_total{outcome=\"rejected\"}[1h])) / sum by (system) (rate(datos_ingest_messages_total[1h]))"
  share       = "sum by (system) (rate(${local.http}_count[30m])) / scalar(sum(rate(${local.http}_count[30m])))"

  # rows of the page for all: tables rank, charts show the course
  global_tables = [
    { title = "Critical systems first: share of requests that fail", query = "sort_desc(${format(local.failing, ",${local.is_critical}", local.is_critical)})" },
    { title = "Critical systems: age of the oldest message", query = "sort_desc(max by (system) (datos_ingest_lag_seconds{${local.is_critical}}))" },
    { title = "Worst ten: budget burned (1 = all of it at this pace)", query = "sort_desc(topk(10, (${format(local.failing, "", "")}) / 0.001))" },
    { title = "Worst ten: read latency p99", query = "sort_desc(topk(10, histogram_quantile(0.99, sum by (system, le) (rate(${local.http}_bucket{${local.read}}[30m])))))" },
    { title = "Worst ten: oldest message", query = "sort_desc(topk(10, max by (system) (datos_ingest_lag_seconds)))" },
    { title = "Worst ten: share of messages rejected", query = "sort_desc(topk(10, ${local.rejected}))" },
  ]
  global_charts = [
    { title = "All systems: messages stored a second", unit = "1/s", stacked = false, query = "sum(rate(datos_ingest_messages_total{outcome=\"stored\"}[5m]))" },
    { title = "All systems: requests a second", unit = "1/s", stacked = false, query = "sum(rate(${local.http}_count[5m]))" },
    { title = "Errors compared: permanent, by system", unit = "1/s", stacked = false, query = "topk(10, sum by (system) (rate(datos_ingest_errors_total{kind=\"permanent\"}[1h])))" },
    { title = "Errors compared: transient, by system", unit = "1/s", stacked = false, query = "topk(10, sum by (system) (rate(datos_ingest_errors_total{kind=\"transient\"}[1h])))" },
    { title = "Balance: each system's share of the requests", unit = "1", stacked = true, query = local.share },
    { title = "Balance: spread (standard deviation over mean)", unit = "1", stacked = false, query = "stddev(sum by (system) (rate(${local.http}_count[30m]))) / avg(sum by (system) (rate(${local.http}_count[30m])))" },
    { title = "Traffic by region", unit = "1/s", stacked = true, query = "sum by (region) (rate(${local.http}_count[5m]))" },
    { title = "Ingest by region", unit = "1/s", stacked = true, query = "sum by (region) (rate(datos_ingest_messages_total{outcome=\"stored\"}[5m]))" },
  ]

  system_pages = {
    for name, s in var.systems : name => {
      displayName = "datos: ${name}"
      labels      = { system = name, owner = s.owner }
      mosaicLayout = {
        columns = 48
        tiles = [
          for i, chart in local.system_charts : {
            xPos   = (i % 2) * 24
            yPos   = floor(i / 2) * 16
            width  = 24
            height = 16
            widget = {
              title = chart.title
              xyChart = {
                dataSets = [
                  for legend, query in chart.lines : merge({
                    plotType = "LINE"
                    timeSeriesQuery = {
                      prometheusQuery = replace(query, "SYSTEM", "system=\"${name}\"")
                      unitOverride    = chart.unit
                    }
                  }, legend == "" ? {} : { legendTemplate = legend })
                ]
              }
            }
          }
        ]
      }
    }
  }

  global_page = {
    displayName = "datos: all ${length(var.systems)} systems"
    mosaicLayout = {
      columns = 48
      tiles = concat([
        for i, table in local.global_tables : {
          xPos   = (i % 2) * 24
          yPos   = floor(i / 2) * 14
          width  = 24
          height = 14
          widget = {
            title           = table.title
            timeSeriesTable = { dataSets = [{ timeSeriesQuery = { prometheusQuery = table.query } }] }
          }
        }
        ], [
        for i, chart in local.global_charts : {
          xPos   = (i % 2) * 24
          yPos   = ceil(length(local.global_tables) / 2) * 14 + floor(i / 2) * 16
          width  = 24
          height = 16
          widget = {
            title = chart.title
            xyChart = {
              dataSets = [{
                plotType        = chart.stacked ? "STACKED_AREA" : "LINE"
                timeSeriesQuery = { prometheusQuery = chart.query, unitOverride = chart.unit }
              }]
            }
          }
        }
      ])
    }
  }
}
