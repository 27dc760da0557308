# The API as a service, ingest as a worker pool. CPU is always allocated: the
# cache listens for invalidations between requests.

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
        for_each = local.api_settings
        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name = "REDIS_URL"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.redis_url.secret_id
            version = google_secret_manager_secret_version.redis_url.version
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = google_secret_manager_secret.redis_ca
        content {
          name       = "redis-ca"
          mount_path = "/secrets/redis-ca"
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

      volume_mounts {
        name       = "metrics-config"
        mount_path = "/etc/rungmp"
      }
    }

    dynamic "volumes" {
      for_each = google_secret_manager_secret.redis_ca
      content {
        name = "redis-ca"
        secret {
          secret = volumes.value.secret_id
          items {
            path    = "ca.pem"
            version = google_secret_manager_secret_version.redis_ca[0].version
          }
        }
      }
    }

    volumes {
      name = "metrics-config"
      secret {
        secret = google_secret_manager_secret.metrics.secret_id
        items {
          path    = "config.yaml"
          version = google_secret_manager_secret_version.metrics.version
        }
      }
    }
  }

  # Delivery moves the traffic (5, 25, 100 %); Terraform only owns the template.
  lifecycle {
    ignore_changes = [traffic, client, client_version]
  }

  depends_on = [google_secret_manager_secret_iam_member.reads]
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
        for_each = local.worker_settings
        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name = "REDIS_URL"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.redis_url.secret_id
            version = google_secret_manager_secret_version.redis_url.version
          }
        }
      }

      dynamic "volume_mounts" {
        for_each = google_secret_manager_secret.redis_ca
        content {
          name       = "redis-ca"
          mount_path = "/secrets/redis-ca"
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

      volume_mounts {
        name       = "metrics-config"
        mount_path = "/etc/rungmp"
      }
    }

    dynamic "volumes" {
      for_each = google_secret_manager_secret.redis_ca
      content {
        name = "redis-ca"
        secret {
          secret = volumes.value.secret_id
          items {
            path    = "ca.pem"
            version = google_secret_manager_secret_version.redis_ca[0].version
          }
        }
      }
    }

    volumes {
      name = "metrics-config"
      secret {
        secret = google_secret_manager_secret.metrics.secret_id
        items {
          path    = "config.yaml"
          version = google_secret_manager_secret_version.metrics.version
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_iam_member.reads]
}
