output "hub_role_arn" {
  description = "For the exporter itself: annotation of the service account, Pod Identity association, task role."
  value       = aws_iam_role.hub.arn
}

output "hub_instance_profile" {
  description = "For the instance that the exporter runs on, with runtime ec2."
  value       = one(aws_iam_instance_profile.hub[*].name)
}
