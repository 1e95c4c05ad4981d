module mixpanelsdk

go 1.26

require github.com/mixpanel/mixpanel-go v1.2.1
