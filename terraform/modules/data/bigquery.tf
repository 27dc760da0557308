# The table of records: partitioned by day and clustered, so that the newest
# rows cost one partition; a filter is required, so that nobody scans it all.

locals {
  labels = merge(var.labels, { system = var.name })
}

resource "google_bigquery_dataset" "main" {
  #checkov:skip=CKV_GCP_81:Google's keys encrypt at rest; a key of our own would be one more thing that can be lost with the data
  dataset_id                 = var.names.dataset
  location                   = var.location
  labels                     = local.labels
  description                = "Records of the system ${var.name}"
  delete_contents_on_destroy = !var.protect
}

resource "google_bigquery_table" "records" {
  #checkov:skip=CKV_GCP_80:as for the dataset
  #checkov:skip=CKV_GCP_121:protected by var.protect, true unless a system says otherwise; only the emulators' root says so
  dataset_id               = google_bigquery_dataset.main.dataset_id
  table_id                 = var.names.table
  labels                   = local.labels
  schema                   = file(var.schema_file)
  clustering               = ["id"]
  require_partition_filter = true
  deletion_protection      = var.protect

  time_partitioning {
    type  = "DAY"
    field = "timestamp"
  }
}

# Optional: every message as it came, beside the checked rows.
resource "google_bigquery_table" "raw" {
  #checkov:skip=CKV_GCP_80:as for the dataset
  #checkov:skip=CKV_GCP_121:protected by var.protect, as the table of records
  count               = var.raw_subscription ? 1 : 0
  dataset_id          = google_bigquery_dataset.main.dataset_id
  table_id            = "raw"
  labels              = local.labels
  deletion_protection = var.protect

  time_partitioning {
    type          = "DAY"
    field         = "publish_time"
    expiration_ms = 2678400000
  }

  schema = jsonencode([
    { name = "subscription_name", type = "STRING", mode = "NULLABLE", description = "Subscription the message came by" },
    { name = "message_id", type = "STRING", mode = "NULLABLE", description = "Pub/Sub's message id" },
    { name = "publish_time", type = "TIMESTAMP", mode = "NULLABLE", description = "When it was published" },
    { name = "attributes", type = "STRING", mode = "NULLABLE", description = "Attributes as JSON" },
    { name = "data", type = "BYTES", mode = "NULLABLE", description = "Payload, unchecked" },
  ])
}

resource "google_bigquery_table_iam_member" "agent_writes_raw" {
  for_each   = var.raw_subscription ? toset(["roles/bigquery.dataEditor", "roles/bigquery.metadataViewer"]) : toset([])
  dataset_id = google_bigquery_dataset.main.dataset_id
  table_id   = google_bigquery_table.raw[0].table_id
  role       = each.value
  member     = var.pubsub_agent
}

resource "google_pubsub_subscription" "raw" {
  count                      = var.raw_subscription ? 1 : 0
  name                       = "${var.names.subscription}-raw"
  topic                      = google_pubsub_topic.events.id
  labels                     = local.labels
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  bigquery_config {
    table          = "${google_bigquery_table.raw[0].project}.${google_bigquery_dataset.main.dataset_id}.${google_bigquery_table.raw[0].table_id}"
    write_metadata = true
  }

  depends_on = [google_bigquery_table_iam_member.agent_writes_raw]
}
