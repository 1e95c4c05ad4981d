output "instance_id" {
  description = "The machine: a target of the load balancer on port 8080, health by GET /readyz. `aws ssm start-session --target` opens a shell."
  value       = aws_instance.server.id
}

output "security_group_id" {
  description = "Security group of the server, which databases let in."
  value       = aws_security_group.server.id
}

output "archive" {
  description = "Address of the archive, for `freshet restore --from-archive`."
  value       = module.archive.address
}
