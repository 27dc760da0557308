output "address" {
  description = "Address to point the domain's A record at."
  value       = google_compute_global_address.edge.address
}
