# One system: its data, its API, its ingest, its cache, and an identity for each.

locals {
  labels       = merge(var.labels, { system = var.name })
  pubsub_agent = "serviceAccount:service-${var.project_number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  # Cloud Run's deterministic address: known before the service exists, so that
  # the push subscription does not need a second apply.
  api_url  = "https://${var.name}-api-${var.project_number}.${var.region}.run.app"
  push_url = "${local.api_url}/pubsub/push"

  # The first system keeps the plain names; others in the same project carry
  # their own as prefix.
  prefix = var.plain_names ? "" : "${var.name}-"
  names = {
    topic                    = "${local.prefix}datos-topic"
    subscription             = "${local.prefix}datos-subscription"
    dead_letter_topic        = "${local.prefix}datos-dead-letter"
    dead_letter_subscription = "${local.prefix}datos-dead-letter-subscription"
    dataset                  = "${replace(local.prefix, "-", "_")}latam_dataset"
    table                    = "datos"
  }

  settings = merge({
    GOOGLE_CLOUD_PROJECT           = var.project
    DATOS_SYSTEM                   = var.name
    DATOS_REGION                   = var.region
    DATOS_TOPIC                    = local.names.topic
    DATOS_SUBSCRIPTION             = local.names.subscription
    DATOS_DEAD_LETTER_TOPIC        = local.names.dead_letter_topic
    DATOS_DEAD_LETTER_SUBSCRIPTION = local.names.dead_letter_subscription
    DATOS_DATASET                  = module.data.dataset
    DATOS_TABLE                    = module.data.table
  }, var.redis.tls ? { DATOS_REDIS_CA_FILE = "/secrets/redis-ca/ca.pem" } : {})

  api_settings = merge(local.settings, {
    DATOS_AUTH       = var.auth.mode
    DATOS_ADMIN_PORT = "9091"
    DATOS_INGEST     = var.delivery == "push" ? "push" : "off"
    # tostring() writes whole numbers in full
    DATOS_CACHE_CHECK_MS            = tostring(var.reads.check_seconds * 1000)
    DATOS_BIGQUERY_MAX_BYTES_BILLED = tostring(var.reads.max_gib_billed * 1024 * 1024 * 1024)
    }, var.auth.mode == "jwt" ? {
    DATOS_JWT_ISSUER   = var.auth.issuer
    DATOS_JWT_AUDIENCE = var.auth.audience
    DATOS_JWT_JWKS_URL = var.auth.jwks_url
    } : {}, var.delivery == "push" ? {
    DATOS_PUSH_AUDIENCE        = local.push_url
    DATOS_PUSH_SERVICE_ACCOUNT = google_service_account.push[0].email
  } : {})

  worker_settings = merge(local.settings, {
    DATOS_CLOUD      = "1"
    DATOS_INGEST     = "pull"
    DATOS_ADMIN_PORT = "9091"
  })
}

module "data" {
  source           = "../data"
  name             = var.name
  names            = local.names
  location         = coalesce(var.location, var.region)
  labels           = var.labels
  schema_file      = var.schema_file
  protect          = var.protect
  topic_schema     = var.topic_schema
  raw_subscription = var.raw_subscription
  topic_retention  = var.topic_retention
  pubsub_agent     = local.pubsub_agent

  delivery = {
    mode            = var.delivery
    endpoint        = var.delivery == "push" ? local.push_url : null
    service_account = var.delivery == "push" ? google_service_account.push[0].email : null
    audience        = var.delivery == "push" ? local.push_url : null
  }

  # a push subscription is made by who may act as its account
  depends_on = [google_service_account_iam_member.acts_as]
}
