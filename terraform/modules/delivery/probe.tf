# A rollout asks the candidate of a service that is not public as this account:
# GitHub's own identity has no token that Cloud Run takes, so it asks for one of
# an account that may call these services and nothing else.

resource "google_service_account" "probe" {
  count        = length(var.private_services) == 0 ? 0 : 1
  account_id   = "datos-probe"
  display_name = "Asks candidates of datos"
}

resource "google_service_account_iam_member" "asks_as_probe" {
  count              = length(google_service_account.probe)
  service_account_id = google_service_account.probe[count.index].name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.deployer
}

resource "google_cloud_run_v2_service_iam_member" "probe_calls" {
  for_each = var.private_services
  name     = each.value.service
  location = each.value.region
  role     = "roles/run.invoker"
  member   = google_service_account.probe[0].member
}
