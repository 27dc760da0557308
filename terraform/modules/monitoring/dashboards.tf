# The pages of charts.tf, and the bound on what logs cost.

resource "google_monitoring_dashboard" "system" {
  for_each       = local.system_pages
  dashboard_json = jsonencode(each.value)
}

resource "google_monitoring_dashboard" "all" {
  dashboard_json = jsonencode(local.global_page)
}

# Logs cost by volume: successes are counted in metrics, so nine in ten of
# their lines stay out; every warning and error stays in. Only of our services:
# the project may hold others.
resource "google_logging_project_exclusion" "successes" {
  count       = length(var.systems) == 0 ? 0 : 1
  name        = "datos-successful-requests"
  description = "Nine of ten lines about successful requests"
  filter      = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(${join(" OR ", [for s in values(var.systems) : "\"${s.service}\""])}) AND severity<WARNING AND httpRequest.status<400 AND sample(insertId, 0.9)"
}
