package store

// SDK is what sent an event, by its own account.
type SDK struct {
	// Name and Version are empty where the sender did not say them; at most MaxSDKText bytes of each are kept.
	Name, Version string
}

const (
	// MaxSDKs is how many are told apart in an hour of a project: those that came first. Further ones are OtherSDKs.
	MaxSDKs = 50
	// MaxSDKText bounds the name and the version of an SDK, in bytes.
	MaxSDKText = 128
)

// Stand-ins for SDKs that are not told apart.
var (
	// OtherSDKs are those that were too many in their hour.
	OtherSDKs = SDK{Name: "$other"}
	// UntoldSDKs are those of duplicates that were counted before SDKs were told apart.
	UntoldSDKs = SDK{Name: "$untold"}
)

// Duplicates are how many duplicates an SDK sent in an hour of receipt.
type Duplicates struct {
	// Hour is its start in Unix seconds.
	Hour int64
	SDK
	Count int64
}
