# What containers read as files or variables, and who may read it.

# Not secret, but Cloud Run mounts files from nowhere else: what the collector
# scrapes. The programs bound their own series (some 5,500 samples with every
# family at its cap); `limits` is the second lock.
resource "google_secret_manager_secret" "metrics" {
  secret_id = "${var.name}-metrics"
  labels    = local.labels
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "metrics" {
  secret = google_secret_manager_secret.metrics.id
  secret_data = yamlencode({
    apiVersion = "monitoring.googleapis.com/v1beta"
    kind       = "RunMonitoring"
    metadata   = { name = "datos" }
    spec = {
      endpoints    = [{ port = "9091", path = "/metrics", interval = "30s", timeout = "10s" }]
      targetLabels = { metadata = ["instance"] }
      limits       = { samples = 6000, labels = 30, labelValueLength = 128 }
    }
  })
}

locals {
  secrets = merge({
    redis_url = google_secret_manager_secret.redis_url.id
    metrics   = google_secret_manager_secret.metrics.id
  }, var.redis.tls ? { redis_ca = google_secret_manager_secret.redis_ca[0].id } : {})
  secret_readers = {
    for pair in setproduct(keys(local.members), concat(["redis_url", "metrics"], var.redis.tls ? ["redis_ca"] : [])) :
    "${pair[0]}-${pair[1]}" => { member = local.members[pair[0]], secret = local.secrets[pair[1]] }
  }
}

resource "google_secret_manager_secret_iam_member" "reads" {
  for_each  = local.secret_readers
  secret_id = each.value.secret
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value.member
}
