module posthogsdk

go 1.26

require github.com/posthog/posthog-go v1.5.2
