# A service account each, with what its role does and no more.

resource "google_service_account" "api" {
  account_id   = "${var.name}-api"
  display_name = "datos API of ${var.name}"
}

resource "google_service_account" "worker" {
  count        = var.delivery == "pull" ? 1 : 0
  account_id   = "${var.name}-worker"
  display_name = "datos ingest of ${var.name}"
}

resource "google_service_account" "push" {
  count        = var.delivery == "push" ? 1 : 0
  account_id   = "${var.name}-push"
  display_name = "Pub/Sub push to ${var.name}"
}

locals {
  # whoever takes messages in: the worker, or the API when Pub/Sub pushes
  ingest_member = var.delivery == "pull" ? one(google_service_account.worker[*].member) : google_service_account.api.member
  members       = merge({ api = google_service_account.api.member }, var.delivery == "pull" ? { worker = local.ingest_member } : {})
}

# Queries run as jobs of the project.
resource "google_project_iam_member" "api_runs_queries" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.api.member
}

# POST /datos and ingest write the one table; reading it is part of the role.
resource "google_bigquery_table_iam_member" "edits_table" {
  for_each   = local.members
  dataset_id = module.data.dataset
  table_id   = module.data.table
  role       = "roles/bigquery.dataEditor"
  member     = each.value
}

resource "google_pubsub_subscription_iam_member" "worker_reads" {
  count        = var.delivery == "pull" ? 1 : 0
  subscription = module.data.subscription
  role         = "roles/pubsub.subscriber"
  member       = local.ingest_member
}

resource "google_pubsub_topic_iam_member" "ingest_dead_letters" {
  topic  = module.data.dead_letter_topic
  role   = "roles/pubsub.publisher"
  member = local.ingest_member
}

# Of the sidecar that scrapes /metrics: it writes series, and a log by the API.
resource "google_project_iam_member" "collects" {
  for_each = { for pair in setproduct(keys(local.members), ["monitoring.metricWriter", "logging.logWriter"]) : join(" ", pair) => pair }
  project  = var.project
  role     = "roles/${each.value[1]}"
  member   = local.members[each.value[0]]
}

resource "google_cloud_run_v2_service_iam_member" "push_invokes" {
  count    = var.delivery == "push" ? 1 : 0
  name     = google_cloud_run_v2_service.api.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.push[0].member
}

# Delivery brings a new system by itself, and who makes a service, a pool, a job
# or a push subscription must be allowed to act as its account: they wait for this.
resource "google_service_account_iam_member" "acts_as" {
  for_each = var.deployer == null ? {} : merge(
    { api = google_service_account.api.name },
    { for a in google_service_account.worker : "worker" => a.name },
    { for a in google_service_account.push : "push" => a.name },
  )
  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = var.deployer.member
}
