# The cache: private address, password, TLS where the image can; losing it
# loses no data.

resource "google_redis_instance" "cache" {
  #checkov:skip=CKV_GCP_97:by var.redis.tls; off by default, since Debian 12's hiredis has no TLS and the address is private and behind a password
  name                    = "${var.name}-cache"
  region                  = var.region
  tier                    = var.redis.tier
  memory_size_gb          = var.redis.memory_gb
  redis_version           = "REDIS_7_2"
  authorized_network      = var.network.network
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  auth_enabled            = true
  transit_encryption_mode = var.redis.tls ? "SERVER_AUTHENTICATION" : "DISABLED"
  labels                  = local.labels

  redis_configs = {
    maxmemory-policy = "volatile-lfu"
  }
}

# The whole URL is the secret: it holds the password.
resource "google_secret_manager_secret" "redis_url" {
  secret_id = "${var.name}-redis-url"
  labels    = local.labels
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "redis_url" {
  secret      = google_secret_manager_secret.redis_url.id
  secret_data = "${var.redis.tls ? "rediss" : "redis"}://default:${google_redis_instance.cache.auth_string}@${google_redis_instance.cache.host}:${google_redis_instance.cache.port}/0"
}

resource "google_secret_manager_secret" "redis_ca" {
  count     = var.redis.tls ? 1 : 0
  secret_id = "${var.name}-redis-ca"
  labels    = local.labels
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
}

resource "google_secret_manager_secret_version" "redis_ca" {
  count       = var.redis.tls ? 1 : 0
  secret      = google_secret_manager_secret.redis_ca[0].id
  secret_data = join("\n", google_redis_instance.cache.server_ca_certs[*].cert)
}
