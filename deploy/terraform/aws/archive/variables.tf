variable "name" {
  description = "Beginning of the bucket's name."
  type        = string
}
