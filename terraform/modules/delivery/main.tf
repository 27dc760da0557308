# Images, and who may bring them: GitHub's OIDC token for one repository and one
# branch, by numeric ids; no key exists that could leak.

resource "google_artifact_registry_repository" "images" {
  repository_id = "datos"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of datos"

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-untagged"
    action = "DELETE"
    condition {
      tag_state  = "UNTAGGED"
      older_than = "2592000s"
    }
  }
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "github"
  display_name              = "GitHub Actions"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "datos"
  display_name                       = "The datos repository"

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }

  attribute_mapping = {
    "google.subject"          = "assertion.sub"
    "attribute.repository_id" = "assertion.repository_id"
    "attribute.owner_id"      = "assertion.repository_owner_id"
    "attribute.ref"           = "assertion.ref"
    "attribute.deploys"       = "assertion.repository_id + '@' + assertion.ref"
  }

  attribute_condition = "assertion.repository_owner_id == '${var.github.owner_id}' && assertion.repository_id == '${var.github.repository_id}'"
}

locals {
  pool = google_iam_workload_identity_pool.github.name
  # pushes to the branch may change things; pull requests may only read
  deployer = "principalSet://iam.googleapis.com/${local.pool}/attribute.deploys/${var.github.repository_id}@refs/heads/${var.github.branch}"
  reader   = "principalSet://iam.googleapis.com/${local.pool}/attribute.repository_id/${var.github.repository_id}"
}

resource "google_artifact_registry_repository_iam_member" "pushes" {
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = local.deployer
}

resource "google_project_iam_member" "deploys" {
  project = var.project
  role    = "roles/run.developer"
  member  = local.deployer
}

resource "google_service_account_iam_member" "acts_as_runtime" {
  for_each           = var.runtime_accounts
  service_account_id = each.value
  role               = "roles/iam.serviceAccountUser"
  member             = local.deployer
}

resource "google_project_iam_member" "plans" {
  for_each = toset(["roles/viewer", "roles/iam.securityReviewer"])
  project  = var.project
  role     = each.value
  member   = local.reader
}

resource "google_storage_bucket_iam_member" "reads_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = local.reader
}

resource "google_storage_bucket_iam_member" "writes_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectUser"
  member = local.deployer
}
