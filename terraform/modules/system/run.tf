# The API as a service, ingest as a worker pool. CPU is always allocated: the
# cache listens for invalidations between requests.

locals {
  # What a container is told: a value, or the version of a secret.
  env = {
    for role, settings in { api = local.api_settings, worker = local.worker_settings } : role => merge(
      { for name, value in settings : name => { value = value, secret = null } },
      { REDIS_URL = { value = null, secret = {
        secret  = google_secret_manager_secret.redis_url.secret_id
        version = google_secret_manager_secret_version.redis_url.version
      } } },
    )
  }

  # Secrets as files, each in a folder of its own: what the program reads, and
  # what the collector does.
  program_files = var.redis.tls ? {
    redis-ca = {
      mount_path = "/secrets/redis-ca"
      file       = "ca.pem"
      secret     = google_secret_manager_secret.redis_ca[0].secret_id
      version    = google_secret_manager_secret_version.redis_ca[0].version
    }
  } : {}
  collector_files = {
    metrics-config = {
      mount_path = "/etc/rungmp"
      file       = "config.yaml"
      secret     = google_secret_manager_secret.metrics.secret_id
      version    = google_secret_manager_secret_version.metrics.version
    }
  }
}

resource "google_cloud_run_v2_service" "api" {
  name     = "${var.name}-api"
  location = var.region
  ingress  = var.ingress
  # instead of a grant to allUsers, which an organisation may forbid
  invoker_iam_disabled = var.public
  labels               = local.labels
  deletion_protection  = var.protect

  template {
    service_account                  = google_service_account.api.email
    max_instance_request_concurrency = var.api.concurrency
    timeout                          = "300s"
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    labels                           = local.labels

    scaling {
      min_instance_count = var.api.min_instances
      max_instance_count = var.api.max_instances
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = var.network.network
        subnetwork = var.network.subnetwork
      }
    }

    containers {
      name  = "api"
      image = var.image
      args  = ["api"]

      ports {
        name           = "http1"
        container_port = 8080
      }

      resources {
        cpu_idle          = false
        startup_cpu_boost = true
        limits = {
          cpu    = var.api.cpu
          memory = var.api.memory
        }
      }

      dynamic "env" {
        for_each = local.env.api
        content {
          name  = env.key
          value = env.value.value
          dynamic "value_source" {
            for_each = env.value.secret[*]
            content {
              secret_key_ref {
                secret  = value_source.value.secret
                version = value_source.value.version
              }
            }
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = local.program_files
        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.mount_path
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 30
        timeout_seconds   = 1
        http_get {
          path = "/readyz"
        }
      }

      liveness_probe {
        period_seconds    = 10
        failure_threshold = 3
        timeout_seconds   = 2
        http_get {
          path = "/livez"
        }
      }
    }

    # Scrapes /metrics; its last scrape is at SIGTERM, after the API's own.
    containers {
      name       = "metrics"
      image      = var.sidecar_image
      depends_on = ["api"]

      resources {
        cpu_idle = false
        limits = {
          cpu    = var.sidecar_cpu
          memory = "256Mi"
        }
      }

      dynamic "volume_mounts" {
        for_each = local.collector_files
        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.mount_path
        }
      }
    }

    dynamic "volumes" {
      for_each = merge(local.program_files, local.collector_files)
      content {
        name = volumes.key
        secret {
          secret = volumes.value.secret
          items {
            path    = volumes.value.file
            version = volumes.value.version
          }
        }
      }
    }
  }

  # Delivery moves the traffic (5, 25, 100 %); Terraform only owns the template.
  lifecycle {
    ignore_changes = [traffic, client, client_version]
  }

  depends_on = [google_secret_manager_secret_iam_member.reads, google_service_account_iam_member.acts_as]
}

resource "google_cloud_run_v2_worker_pool" "ingest" {
  count               = var.delivery == "pull" ? 1 : 0
  name                = "${var.name}-ingest"
  location            = var.region
  labels              = local.labels
  deletion_protection = var.protect

  scaling {
    scaling_mode          = "MANUAL"
    manual_instance_count = var.worker.instances
  }

  template {
    service_account = one(google_service_account.worker[*].email)
    labels          = local.labels

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = var.network.network
        subnetwork = var.network.subnetwork
      }
    }

    containers {
      name  = "ingest"
      image = var.image
      args  = ["ingest"]

      resources {
        limits = {
          cpu    = var.worker.cpu
          memory = var.worker.memory
        }
      }

      dynamic "env" {
        for_each = local.env.worker
        content {
          name  = env.key
          value = env.value.value
          dynamic "value_source" {
            for_each = env.value.secret[*]
            content {
              secret_key_ref {
                secret  = value_source.value.secret
                version = value_source.value.version
              }
            }
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = local.program_files
        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.mount_path
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 60
        timeout_seconds   = 1
        http_get {
          path = "/livez"
          port = 9091
        }
      }

      liveness_probe {
        period_seconds    = 10
        failure_threshold = 3
        timeout_seconds   = 2
        http_get {
          path = "/livez"
          port = 9091
        }
      }
    }

    # Scrapes /metrics; its last scrape is at SIGTERM, after ingest's own.
    containers {
      name       = "metrics"
      image      = var.sidecar_image
      depends_on = ["ingest"]

      resources {
        limits = {
          cpu    = var.sidecar_cpu
          memory = "256Mi"
        }
      }

      dynamic "volume_mounts" {
        for_each = local.collector_files
        content {
          name       = volume_mounts.key
          mount_path = volume_mounts.value.mount_path
        }
      }
    }

    dynamic "volumes" {
      for_each = merge(local.program_files, local.collector_files)
      content {
        name = volumes.key
        secret {
          secret = volumes.value.secret
          items {
            path    = volumes.value.file
            version = volumes.value.version
          }
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.reads, google_service_account_iam_member.acts_as]
}
