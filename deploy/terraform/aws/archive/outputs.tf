output "address" {
  description = "Address of the archive: archive.bucket."
  value       = "s3://${aws_s3_bucket.archive.bucket}/freshet?region=${data.aws_region.this.region}"
}

output "policy" {
  description = "Policy, as JSON, of a role that may use the archive and nothing else."
  value       = data.aws_iam_policy_document.use.json
}
