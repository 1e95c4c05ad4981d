output "brokers" {
  description = "Hosts and ports of FRESHET_LOG_ADDRESS."
  value       = aws_msk_cluster.log.bootstrap_brokers_sasl_scram
}

output "database" {
  description = "Host and port of FRESHET_PROJECT."
  value       = aws_db_instance.database.endpoint
}

output "archive" {
  description = "Address of the archive."
  value       = module.archive.address
}
