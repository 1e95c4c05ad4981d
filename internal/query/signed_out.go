package query

import "github.com/freshet/freshet/internal/store"

// What SignedOut of a question may be: an anonymous id that its app keeps when somebody signs out does things that are of
// whoever signs in next, unless another user was active since, or stay with the last user.
const (
	signedOutNext = "next_user"
	signedOutLast = "last_user"
)

// SignedOuts lists whose the events of an id may be that somebody has signed out of.
func SignedOuts() []string { return []string{signedOutNext, signedOutLast} }

// attribution is SignedOut of a resolved question in the words of the store.
func attribution(signedOut string) store.Attribution {
	if signedOut == signedOutLast {
		return store.LastUser
	}
	return store.NextUser
}

func (q *Trends) attribution() store.Attribution { return attribution(q.SignedOut) }

func (q *Funnel) attribution() store.Attribution { return attribution(q.SignedOut) }

func (q *Retention) attribution() store.Attribution { return attribution(q.SignedOut) }

func (q *Lifecycle) attribution() store.Attribution { return attribution(q.SignedOut) }

func (q *Stickiness) attribution() store.Attribution { return attribution(q.SignedOut) }

func (q *Paths) attribution() store.Attribution { return attribution(q.SignedOut) }

func (q *Sessions) attribution() store.Attribution { return attribution(q.SignedOut) }
