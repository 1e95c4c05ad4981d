// Package check holds what deploy/ has to the server that it deploys: the chart is rendered by Helm's own engine and decoded
// strictly into the types of Kubernetes' API, Compose files are loaded by Compose's own loader, Terraform is parsed, and
// every setting, option and metric that they name is looked up in the documentation and the code.
//
// It is a module of its own, so that the server has none of these libraries. It says nothing about what a cluster answers: no
// API server, no registry of images and no provider of Terraform is asked.
package check

// Root is the repository, seen from this folder.
const Root = "../.."
