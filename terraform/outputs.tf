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
