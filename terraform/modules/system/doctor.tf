# gcloud run jobs execute NAME-doctor --region REGION --wait: as ingest, in its
# network, since Redis answers nowhere else. With push there is no such identity.
resource "google_cloud_run_v2_job" "doctor" {
  count               = var.delivery == "pull" ? 1 : 0
  name                = "${var.name}-doctor"
  location            = var.region
  labels              = local.labels
  deletion_protection = false

  template {
    labels = local.labels

    template {
      service_account = one(google_service_account.worker[*].email)
      max_retries     = 0
      timeout         = "120s"

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = var.network.network
          subnetwork = var.network.subnetwork
        }
      }

      containers {
        name  = "doctor"
        image = var.image
        args  = ["doctor"]

        resources {
          limits = {
            cpu    = "1"
            memory = "512Mi"
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
      }

      dynamic "volumes" {
        for_each = local.program_files
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
  }

  depends_on = [google_secret_manager_secret_iam_member.reads, google_service_account_iam_member.acts_as]
}
