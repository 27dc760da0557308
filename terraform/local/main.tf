# The Pub/Sub and BigQuery part of the real configuration, for the emulators:
# the same module, one system or fifty. `make terraform-local` runs it with the
# provider's custom-endpoint variables; nothing else differs from production.

terraform {
  required_version = ">= 1.5.7"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 7.45"
    }
  }
}

variable "project" {
  description = "Any project id: the emulators accept all."
  type        = string
  default     = "datos-terraform"
}

variable "systems" {
  description = "Systems to make."
  type = map(object({
    topic_schema     = optional(bool, false)
    raw_subscription = optional(bool, false)
    topic_retention  = optional(string, "604800s")
    push_endpoint    = optional(string)
  }))
  default = {
    uno  = { raw_subscription = true }
    dos  = { topic_schema = true }
    tres = { push_endpoint = "https://tres-api.example.com/pubsub/push" }
  }
}

provider "google" {
  project = var.project
  region  = "us-central1"
}

data "google_project" "this" {}

module "data" {
  source   = "../modules/data"
  for_each = var.systems

  name             = each.key
  location         = "US"
  schema_file      = "${path.module}/../../src/schema/datos.json"
  protect          = false
  topic_schema     = each.value.topic_schema
  raw_subscription = each.value.raw_subscription
  topic_retention  = each.value.topic_retention
  delivery = each.value.push_endpoint == null ? {} : {
    mode            = "push"
    endpoint        = each.value.push_endpoint
    service_account = "${each.key}-push@${var.project}.iam.gserviceaccount.com"
  }
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"

  names = {
    topic                    = "${each.key}-datos-topic"
    subscription             = "${each.key}-datos-subscription"
    dead_letter_topic        = "${each.key}-datos-dead-letter"
    dead_letter_subscription = "${each.key}-datos-dead-letter-subscription"
    dataset                  = "${each.key}_latam_dataset"
    table                    = "datos"
  }
}

output "topics" {
  description = "Topics made."
  value       = { for name, d in module.data : name => d.topic }
}
