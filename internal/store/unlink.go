package store

import "github.com/freshet/freshet/internal/eventlog"

// Unlink takes one id out of the person that it was linked to.
type Unlink struct {
	Project ProjectID
	// Person is the number of the id (event.OwnNumber), and from now on the person of all events that are of it.
	Person uint64
	// From is the person that it was part of; Rest is the number of that person from now on, which is another one only if From is
	// Person.
	From, Rest uint64
	Position   eventlog.Position
	// Holders replace what is known of ids. What was handed over of spans of the id itself is its own again.
	Holders []Holder
}

// Links are what takes the place of the links that led to the id, or from it. before are the links of the project from
// everybody who ever had one to the id, in the order in which they were added, or more than these. Who led to the id
// leads to the rest instead, by a link as old as before.
func (u Unlink) Links(before []Link) []Link {
	out := []Link{{Project: u.Project, From: u.Person, To: u.Person, Position: u.Position}}
	if u.Rest != u.From {
		out = append(out, Link{Project: u.Project, From: u.Rest, To: u.Rest, Position: u.Position})
	}
	last := map[uint64]int{}
	for i, l := range before {
		if l.Project == u.Project {
			last[l.From] = i
		}
	}
	for i, l := range before {
		if l.Project == u.Project && last[l.From] == i && l.To == u.Person && l.From != u.Person && l.From != u.Rest {
			out = append(out, Link{Project: u.Project, From: l.From, To: u.Rest, Position: l.Position})
		}
	}
	return out
}
