output "urls" {
  description = "Address of each system's API: its host below the domain, else the service's own."
  value       = { for name, s in module.system : name => var.domain == null ? s.url : "https://${name}.${var.domain}" }
}

output "edge_address" {
  description = "Address to point the domain at, null without a domain."
  value       = one(module.edge[*].address)
}

output "image_repository" {
  description = "Prefix of image names, null without delivery."
  value       = one(module.delivery[*].repository)
}

output "workload_identity_provider" {
  description = "For the workflows' variable of that name, null without delivery."
  value       = one(module.delivery[*].workload_identity_provider)
}

output "delivery_members" {
  description = "Who plans and who applies on GitHub, as IAM writes them, null without delivery: step 8 grants them the billing account."
  value       = one(module.delivery[*].members)
}

output "probe_url" {
  description = "For the workflows' variable PROBE_URL, null without a domain: a revision's own address is open then."
  value       = one(module.edge[*].probe_url)
}

output "probe_account" {
  description = "For the workflows' variable PROBE_ACCOUNT, null where every system is public or without delivery."
  value       = one(module.delivery[*].probe_account)
}

output "delivery_variables" {
  description = "Value of the workflow variable TERRAFORM_VARIABLES: what the last apply was told, without what delivery says itself."
  value = jsonencode({ for name, value in {
    region             = var.region
    sidecar_image      = var.sidecar_image
    sidecar_cpu        = var.sidecar_cpu
    subnets            = var.subnets
    systems            = var.systems
    default_system     = var.default_system
    auth               = var.auth
    domain             = var.domain
    github             = var.github
    apply_roles        = var.apply_roles
    billing_account    = var.billing_account
    monthly_budget_usd = var.monthly_budget_usd
    runbook_url        = var.runbook_url
    alert_emails       = var.alert_emails
  } : name => value if value != null })
}
