output "service" {
  description = "Name of the Cloud Run service."
  value       = google_cloud_run_v2_service.api.name
}

output "url" {
  description = "The service's own address (behind ingress rules)."
  value       = local.api_url
}

output "topic" {
  description = "Topic that events arrive on."
  value       = module.data.topic
}

output "subscription" {
  description = "Subscription that ingest reads."
  value       = module.data.subscription
}

output "subscription_name" {
  description = "Its short name."
  value       = module.data.subscription_name
}

output "dead_letter_subscription" {
  description = "Subscription that keeps refused messages."
  value       = module.data.dead_letter_subscription
}

output "worker_pool" {
  description = "Name of the ingest worker pool, null with push delivery."
  value       = one(google_cloud_run_v2_worker_pool.ingest[*].name)
}
