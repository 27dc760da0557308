# One global address in front of every system: TLS, CDN that obeys our
# Cache-Control, and Cloud Armor's rate limit and rules.

# Twice: for readers, and for the probe of a new revision, whose bounded load
# comes from one address.
resource "google_compute_security_policy" "edge" {
  #checkov:skip=CKV_GCP_73:rule 900 is that one, in the form that Google now documents (evaluatePreconfiguredWaf)
  for_each    = { edge = var.requests_per_minute, candidate = var.candidate_requests_per_minute }
  name        = "datos-${each.key}"
  description = "Rate limit by address, and Google's preconfigured rules"

  adaptive_protection_config {
    layer_7_ddos_defense_config {
      enable = true
    }
  }

  advanced_options_config {
    json_parsing = "STANDARD"
  }

  # Known holes of others (Log4Shell and its like), in every request.
  rule {
    action      = "deny(403)"
    priority    = 900
    description = "Log4j and other published vulnerabilities"
    match {
      expr {
        expression = "evaluatePreconfiguredWaf('cve-canary', {'sensitivity': 1})"
      }
    }
  }

  # Reads only: a record's text may hold SQL or markup, and a record that is
  # refused here would be lost without a reason. POST is checked by the schema.
  rule {
    action      = "deny(403)"
    priority    = 1000
    description = "Injection and protocol attacks in reads"
    match {
      expr {
        expression = "request.method != 'POST' && (evaluatePreconfiguredWaf('sqli-v33-stable', {'sensitivity': 1}) || evaluatePreconfiguredWaf('protocolattack-v33-stable', {'sensitivity': 1}))"
      }
    }
  }

  rule {
    action      = "throttle"
    priority    = 2000
    description = "Requests a minute for each address"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
    rate_limit_options {
      conform_action = "allow"
      exceed_action  = "deny(429)"
      enforce_on_key = "IP"
      rate_limit_threshold {
        count        = each.value
        interval_sec = 60
      }
    }
  }

  rule {
    action      = "allow"
    priority    = 2147483647
    description = "Default"
    match {
      versioned_expr = "SRC_IPS_V1"
      config {
        src_ip_ranges = ["*"]
      }
    }
  }
}

resource "google_compute_region_network_endpoint_group" "api" {
  for_each              = var.services
  name                  = "${each.key}-api"
  region                = each.value.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = each.value.service
  }
}

resource "google_compute_backend_service" "api" {
  for_each              = var.services
  name                  = "${each.key}-api"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.edge["edge"].id
  enable_cdn            = true

  # The API says what may be kept (s-maxage=1, stale-if-error) and what not.
  cdn_policy {
    cache_mode                   = "USE_ORIGIN_HEADERS"
    serve_while_stale            = 86400
    signed_url_cache_max_age_sec = 0
    cache_key_policy {
      include_host         = true
      include_protocol     = true
      include_query_string = true
    }
  }

  backend {
    group = google_compute_region_network_endpoint_group.api[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 0.01
  }
}

# A revision that delivery tries before it takes traffic has an address of its
# own behind the tag `candidate`; with the load balancer in front, Cloud Run
# closes that address, so the balancer leads to it: https://candidate-SYSTEM.DOMAIN.
# It answers what the service answers, to whom the service answers; between
# deliveries nothing has the tag and it answers 404. No cache: the probe is to
# meet the revision.
resource "google_compute_region_network_endpoint_group" "candidate" {
  for_each              = var.services
  name                  = "${each.key}-candidate"
  region                = each.value.region
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = each.value.service
    tag     = "candidate"
  }
}

resource "google_compute_backend_service" "candidate" {
  for_each              = var.services
  name                  = "${each.key}-candidate"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  protocol              = "HTTPS"
  security_policy       = google_compute_security_policy.edge["candidate"].id

  backend {
    group = google_compute_region_network_endpoint_group.candidate[each.key].id
  }

  log_config {
    enable      = true
    sample_rate = 1
  }
}

resource "google_compute_url_map" "edge" {
  name            = "datos-edge"
  default_service = google_compute_backend_service.api[var.default_system].id

  # A host a system, not a path: Link and Location of the API are relative to
  # the host's root.
  dynamic "host_rule" {
    for_each = var.services
    content {
      hosts        = ["${host_rule.key}.${var.domain}"]
      path_matcher = host_rule.key
    }
  }

  dynamic "path_matcher" {
    for_each = var.services
    content {
      name            = path_matcher.key
      default_service = google_compute_backend_service.api[path_matcher.key].id
    }
  }

  dynamic "host_rule" {
    for_each = var.services
    content {
      hosts        = ["candidate-${host_rule.key}.${var.domain}"]
      path_matcher = "candidate-${host_rule.key}"
    }
  }

  dynamic "path_matcher" {
    for_each = var.services
    content {
      name            = "candidate-${path_matcher.key}"
      default_service = google_compute_backend_service.candidate[path_matcher.key].id
    }
  }

  lifecycle {
    precondition {
      condition     = contains(keys(var.services), var.default_system)
      error_message = "default_system is \"${var.default_system}\", which is none of var.systems."
    }
  }
}

# A certificate holds a hundred domains at most, so the candidates' hosts have
# one of their own.
locals {
  hosts = {
    edge      = concat([var.domain], [for name in sort(keys(var.services)) : "${name}.${var.domain}"])
    candidate = [for name in sort(keys(var.services)) : "candidate-${name}.${var.domain}"]
  }
}

# Its domains cannot be changed: a new one is made before the old one goes.
resource "google_compute_managed_ssl_certificate" "edge" {
  for_each = local.hosts
  name     = "datos-${each.key}-${substr(sha256(join(",", each.value)), 0, 8)}"
  managed {
    domains = each.value
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "edge" {
  name            = "datos-edge"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "edge" {
  name             = "datos-edge"
  url_map          = google_compute_url_map.edge.id
  ssl_certificates = [for name in sort(keys(local.hosts)) : google_compute_managed_ssl_certificate.edge[name].id]
  ssl_policy       = google_compute_ssl_policy.edge.id
}

resource "google_compute_global_address" "edge" {
  name = "datos-edge"
}

resource "google_compute_global_forwarding_rule" "edge" {
  name                  = "datos-edge"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.edge.id
}

# Plain HTTP answers one thing: come again by HTTPS.
resource "google_compute_url_map" "redirect" {
  name = "datos-edge-redirect"
  default_url_redirect {
    https_redirect         = true
    strip_query            = false
    redirect_response_code = "MOVED_PERMANENTLY_DEFAULT"
  }
}

resource "google_compute_target_http_proxy" "redirect" {
  #checkov:skip=CKV_GCP_25:it serves the redirect to HTTPS and nothing else
  name    = "datos-edge-redirect"
  url_map = google_compute_url_map.redirect.id
}

resource "google_compute_global_forwarding_rule" "redirect" {
  name                  = "datos-edge-redirect"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.edge.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.redirect.id
}
