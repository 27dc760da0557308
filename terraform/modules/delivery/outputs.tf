output "repository" {
  description = "Prefix of image names."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "workload_identity_provider" {
  description = "Value of the workflow variable WORKLOAD_IDENTITY_PROVIDER."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "members" {
  description = "Who plans and who applies, as IAM writes them: for grants outside the project (the billing account)."
  value       = { plan = local.reader, apply = local.applier }
}

output "probe_account" {
  description = "Value of the workflow variable PROBE_ACCOUNT, null where every system is public."
  value       = one(google_service_account.probe[*].email)
}

output "deployer" {
  description = "Jobs on the branch, as IAM writes them: they bring revisions, and so act as the accounts that these run as."
  value       = local.deployer
}
