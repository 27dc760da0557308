output "topic" {
  description = "Full name of the topic that events arrive on."
  value       = google_pubsub_topic.events.id
}

output "subscription" {
  description = "Full name of the subscription that ingest reads."
  value       = google_pubsub_subscription.events.id
}

output "subscription_name" {
  description = "Its short name: the label `subscription_id` of Google's metrics."
  value       = google_pubsub_subscription.events.name
}

output "dead_letter_topic" {
  description = "Full name of the topic of refused messages."
  value       = google_pubsub_topic.dead_letter.id
}

output "dead_letter_subscription" {
  description = "Full name of the subscription that keeps refused messages."
  value       = google_pubsub_subscription.dead_letter.id
}

output "dataset" {
  description = "BigQuery dataset."
  value       = google_bigquery_dataset.main.dataset_id
}

output "table" {
  description = "BigQuery table of records."
  value       = google_bigquery_table.records.table_id
}

output "proto_definition" {
  description = "The topic schema that fits the table, whether it is switched on or not."
  value       = local.proto_definition
}
