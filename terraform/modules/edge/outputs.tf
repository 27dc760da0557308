output "address" {
  description = "Address to point the domain's A record at."
  value       = google_compute_global_address.edge.address
}

output "probe_url" {
  description = "Where the revision with the tag `candidate` of a service answers, with {service} to fill in."
  value       = "https://candidate-{service}.${var.domain}"
}
