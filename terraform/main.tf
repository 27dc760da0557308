# From the outside in: network, a module a system, the edge in front of them,
# who may deploy, and what watches it all.

data "google_project" "this" {}

locals {
  schema_file = "${path.module}/../src/schema/datos.json"
  regions     = toset([for s in values(var.systems) : coalesce(s.region, var.region)])
}

resource "google_project_service" "apis" {
  for_each = toset([
    "artifactregistry", "bigquery", "billingbudgets", "cloudbilling", "cloudresourcemanager", "compute", "iam", "iamcredentials",
    "logging", "monitoring", "pubsub", "redis", "run", "secretmanager", "servicenetworking", "sts",
  ])
  service            = "${each.value}.googleapis.com"
  disable_on_destroy = false
}

resource "google_compute_network" "main" {
  #checkov:skip=CKV2_GCP_18:the firewall is google_compute_firewall.deny_ingress; the check does not follow the reference
  name                    = "datos"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.apis]
}

# Nothing listens inside but what Cloud Run and Memorystore guard themselves.
resource "google_compute_firewall" "deny_ingress" {
  name          = "datos-deny-ingress"
  network       = google_compute_network.main.id
  direction     = "INGRESS"
  priority      = 65000
  source_ranges = ["0.0.0.0/0"]

  deny {
    protocol = "all"
  }
}

resource "google_compute_subnetwork" "main" {
  for_each                 = local.regions
  name                     = "datos-${each.key}"
  region                   = each.key
  network                  = google_compute_network.main.id
  ip_cidr_range            = var.subnets[each.key]
  private_ip_google_access = true

  log_config {
    flow_sampling = 0.05
  }

  lifecycle {
    precondition {
      condition     = contains(keys(var.subnets), each.key)
      error_message = "Region ${each.key} has no address range: add it to var.subnets."
    }
  }
}

resource "google_compute_global_address" "services" {
  name          = "datos-services"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 16
  network       = google_compute_network.main.id
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.main.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}

module "system" {
  source   = "./modules/system"
  for_each = var.systems

  name             = each.key
  plain_names      = each.value.plain_names
  project          = var.project
  project_number   = data.google_project.this.number
  region           = coalesce(each.value.region, var.region)
  location         = each.value.location
  image            = var.image
  schema_file      = local.schema_file
  labels           = { environment = var.environment, owner = each.value.owner }
  delivery         = each.value.delivery
  topic_schema     = each.value.topic_schema
  raw_subscription = each.value.raw_subscription
  protect          = each.value.protect
  auth             = var.auth
  api              = each.value.api
  reads            = each.value.reads
  worker           = each.value.worker
  redis            = each.value.redis
  public           = each.value.public
  topic_retention  = each.value.topic_retention
  sidecar_image    = var.sidecar_image
  sidecar_cpu      = var.sidecar_cpu
  deployer         = var.github == null ? null : { member = module.delivery[0].deployer }
  ingress          = var.domain == null ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"

  network = {
    network    = google_compute_network.main.id
    subnetwork = google_compute_subnetwork.main[coalesce(each.value.region, var.region)].id
  }

  depends_on = [google_service_networking_connection.services]
}

module "edge" {
  source = "./modules/edge"
  count  = var.domain == null || length(var.systems) == 0 ? 0 : 1

  domain         = var.domain
  default_system = var.default_system
  services = {
    for name, s in module.system : name => {
      service = s.service
      region  = coalesce(var.systems[name].region, var.region)
    }
  }
}

module "delivery" {
  source = "./modules/delivery"
  count  = var.github == null ? 0 : 1

  project      = var.project
  region       = var.region
  github       = var.github
  state_bucket = var.state_bucket
  apply_roles  = var.apply_roles
  private_services = {
    for name, s in module.system : name => {
      service = s.service
      region  = coalesce(var.systems[name].region, var.region)
    } if !var.systems[name].public
  }

  depends_on = [google_project_service.apis]
}

module "monitoring" {
  source = "./modules/monitoring"

  alert_emails = var.alert_emails
  runbook_url  = var.runbook_url
  systems = {
    for name, s in var.systems : name => {
      owner        = s.owner
      critical     = s.critical
      subscription = module.system[name].subscription_name
      service      = module.system[name].service
    }
  }

  depends_on = [google_project_service.apis]
}

resource "google_billing_budget" "month" {
  count           = var.billing_account == null ? 0 : 1
  billing_account = var.billing_account
  display_name    = "datos ${var.environment}"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      currency_code = "USD"
      units         = tostring(var.monthly_budget_usd)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  threshold_rules {
    threshold_percent = 1.0
    spend_basis       = "FORECASTED_SPEND"
  }

  depends_on = [google_project_service.apis]
}
