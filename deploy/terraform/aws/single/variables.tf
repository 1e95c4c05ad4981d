variable "name" {
  description = "Name of everything that is made, and beginning of the bucket's."
  type        = string
  default     = "freshet"
}

variable "subnet_id" {
  description = "Subnet of the server. The volume is in its zone, so it stays there."
  type        = string
}

variable "allowed_security_group_ids" {
  description = "Security groups that may connect to port 8080: that of the load balancer, which speaks TLS, and of Prometheus."
  type        = set(string)
}

variable "image" {
  description = "Image of Freshet, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/freshet:v1. The repository's Dockerfile makes it."
  type        = string
}

variable "ecr_repository_arn" {
  description = "The image's repository in ECR, which the server is allowed to read. Empty: the image is public."
  type        = string
  default     = ""
}

variable "public_url" {
  description = "Address that SDKs are told, such as https://events.example.com."
  type        = string
}

variable "trusted_proxies" {
  description = "Networks of the load balancer, whose X-Forwarded-For is believed."
  type        = list(string)
}

variable "settings" {
  description = "More settings, by the environment column of docs/config.md. No secrets: they would be in the state and in the instance's user data."
  type        = map(string)
  default     = {}
}

variable "instance_type" {
  description = "Type of the machine, x86-64. docs/operations.md, Sizing, says what memory goes to."
  type        = string
  default     = "m7i.large"
}

variable "volume_size" {
  description = "Size of the data folder's disk in GiB. docs/operations.md, Sizing: 75 MB of store and 88 MB of log for a million events of the demo."
  type        = number
  default     = 100
}

variable "archive_interval" {
  description = "How long an event waits for the archive at most: what is lost when the machine and its volume are."
  type        = string
  default     = "5m"
}
