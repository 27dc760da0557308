# The way of a message: topic -> subscription -> (ingest), and what is refused
# -> dead-letter topic -> the subscription that keeps it for 31 days.

resource "google_pubsub_schema" "message" {
  count      = var.topic_schema ? 1 : 0
  name       = "${var.names.topic}-schema"
  type       = "PROTOCOL_BUFFER"
  definition = local.proto_definition
}

resource "google_pubsub_topic" "events" {
  #checkov:skip=CKV_GCP_83:Google's keys encrypt at rest; a key of our own that is lost loses the messages
  name                       = var.names.topic
  labels                     = local.labels
  message_retention_duration = var.topic_retention

  dynamic "schema_settings" {
    for_each = google_pubsub_schema.message
    content {
      schema   = schema_settings.value.id
      encoding = "JSON"
    }
  }
}

resource "google_pubsub_topic" "dead_letter" {
  #checkov:skip=CKV_GCP_83:as for the topic of events
  name                       = var.names.dead_letter_topic
  labels                     = local.labels
  message_retention_duration = "2678400s"
}

resource "google_pubsub_subscription" "dead_letter" {
  name                       = var.names.dead_letter_subscription
  topic                      = google_pubsub_topic.dead_letter.id
  labels                     = local.labels
  message_retention_duration = "2678400s"
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "events" {
  name                       = var.names.subscription
  topic                      = google_pubsub_topic.events.id
  labels                     = local.labels
  ack_deadline_seconds       = 60
  message_retention_duration = "604800s"

  expiration_policy {
    ttl = ""
  }

  # 100 attempts: ingest holds messages leased while the store is down and
  # spends none, so only a message that kills its reader comes near.
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter.id
    max_delivery_attempts = 100
  }

  retry_policy {
    minimum_backoff = "10s"
    maximum_backoff = "600s"
  }

  dynamic "push_config" {
    for_each = var.delivery.mode == "push" ? [var.delivery] : []
    content {
      push_endpoint = push_config.value.endpoint
      # Pub/Sub sets it where it is not said, and every plan would take it away
      attributes = { x-goog-version = "v1" }
      oidc_token {
        service_account_email = push_config.value.service_account
        audience              = coalesce(push_config.value.audience, push_config.value.endpoint)
      }
    }
  }
}

# Pub/Sub forwards to the dead-letter topic by its own agent, which needs both.
resource "google_pubsub_topic_iam_member" "agent_publishes_dead_letters" {
  topic  = google_pubsub_topic.dead_letter.id
  role   = "roles/pubsub.publisher"
  member = var.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "agent_reads_source" {
  subscription = google_pubsub_subscription.events.id
  role         = "roles/pubsub.subscriber"
  member       = var.pubsub_agent
}
