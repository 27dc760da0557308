# Images, and who may bring them: GitHub's OIDC token for one repository and one
# branch, by numeric ids; no key exists that could leak.

resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:images hold no secret; Google's keys encrypt at rest
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
  #checkov:skip=CKV_GCP_125:it wants the condition to name the repository; ours names it by ids, which cannot be taken over as names can
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
    # only jobs behind a GitHub environment, with its reviewers, have one
    "attribute.applies" = "has(assertion.environment) ? assertion.repository_id + '@' + assertion.ref + '@' + assertion.environment : 'none'"
  }

  attribute_condition = "assertion.repository_owner_id == '${var.github.owner_id}' && assertion.repository_id == '${var.github.repository_id}'"
}

locals {
  pool = google_iam_workload_identity_pool.github.name
  # pull requests may read; pushes to the branch may bring images and
  # revisions; jobs behind the environment may apply the configuration
  applier  = "principalSet://iam.googleapis.com/${local.pool}/attribute.applies/${var.github.repository_id}@refs/heads/${var.github.branch}@${var.github.environment}"
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

# Who may apply all of this could give itself more: the environment's reviewers
# are the lock. Empty `apply_roles`: a person applies, delivery only brings
# revisions.
resource "google_project_iam_member" "applies" {
  #checkov:skip=CKV_GCP_41:bound to one branch and one reviewed environment, see above
  #checkov:skip=CKV_GCP_49:as above
  for_each = toset(var.apply_roles)
  project  = var.project
  role     = each.value
  member   = local.applier
}

# What a plan reads. Payloads of secrets too: a refresh compares them, and the
# state holds them anyway (the password of Redis), so who may plan may see them:
# jobs of this repository, never of a fork.
resource "google_project_iam_member" "plans" {
  for_each = toset([
    "roles/artifactregistry.reader", "roles/bigquery.metadataViewer", "roles/browser", "roles/compute.viewer",
    "roles/iam.securityReviewer", "roles/iam.workloadIdentityPoolViewer", "roles/logging.viewer",
    "roles/monitoring.viewer", "roles/pubsub.viewer", "roles/redis.viewer", "roles/run.viewer",
    "roles/secretmanager.secretAccessor", "roles/secretmanager.viewer", "roles/serviceusage.serviceUsageConsumer",
  ])
  project = var.project
  role    = each.value
  member  = local.reader
}

# Two things a refresh asks that no reading role holds: the provider fetches the
# password of a Redis with AUTH, and lists the network's private connections.
resource "google_project_iam_custom_role" "plans" {
  project     = var.project
  role_id     = "datosPlan"
  title       = "datos plan"
  description = "What terraform plan reads beyond the viewers' roles"
  permissions = ["redis.instances.getAuthString", "servicenetworking.services.get"]
}

resource "google_project_iam_member" "plans_beyond" {
  project = var.project
  role    = google_project_iam_custom_role.plans.name
  member  = local.reader
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

# A plan locks the state while it reads it: the lock and nothing else.
resource "google_storage_bucket_iam_member" "locks_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectUser"
  member = local.reader
  condition {
    title      = "lock"
    expression = "resource.name.endsWith('.tflock')"
  }
}
