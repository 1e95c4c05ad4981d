package demo

// people is what is remembered of everyone, a byte each.
type people struct {
	seed    uint64
	state   []uint8
	arrived int
}

// The bits of a person's state; the low two count sessions up to 3.
const (
	sessionsMask  = 3
	signedUp      = 4
	secondKnown   = 8
	signUpShare   = 0.4
	secondShare   = 0.3 // of those who sign up
	secondSession = 0.4 // of the sessions of those who have one
)

func newPeople(seed uint64, n int) people { return people{seed: seed, state: make([]uint8, n)} }

// choose picks who begins a session: someone new, as often as it takes for all to come until the end, or someone who
// was there before, the early ones more often.
func (p *people) choose(r *random, sessionsLeft float64) int {
	left := float64(len(p.state) - p.arrived)
	if p.arrived == 0 || left > 0 && r.float() < 1.6*left/max(sessionsLeft, 1) {
		p.arrived++
		return p.arrived - 1
	}
	u := r.float()
	return int(u * (0.5 + 0.5*u) * float64(p.arrived))
}

// traits are what is fixed about a person.
type traits struct {
	country, phone, second int
	signsUp                bool
	signUpAt               uint8
	hasSecond              bool
	lag                    int
	member                 bool
	number                 uint64
}

func (p *people) traits(i int) traits {
	h := mix(p.seed, uint64(i)+1000)
	h2 := scramble(h)
	return traits{
		country: countryTable.pick(h), phone: phoneTable.pick(h >> 12), second: phoneTable.pick(h >> 24),
		signsUp: float64(h2&0xffff) < signUpShare*0x10000, signUpAt: uint8(h2 >> 16 & 1),
		hasSecond: float64(h2>>17&0xffff) < secondShare*0x10000, lag: int(h2 >> 33 & 3), member: h2>>36&7 == 0, number: h,
	}
}

// session is one visit under way.
type session struct {
	person           int
	traits           traits
	phone            int
	second, identify bool
	// known: the app knows who this is. welcome: it has just learnt it.
	known, welcome   bool
	length, position int
	// funnel is how far towards a purchase the visit goes.
	funnel, reached int
	time, due       float64
	id              uint64
	product         int
}

// begin makes the next session.
func (g *Generator) begin() session {
	r := &g.random
	left := float64(1 << 40)
	if g.end > 0 {
		left = g.left / meanSession
	} else if g.people.arrived > 0 {
		left = float64(len(g.people.state)) * 4
	}
	i := g.people.choose(r, left)
	s := session{person: i, traits: g.people.traits(i), time: g.now, due: g.now, id: uint64(g.now) / 1000, product: r.below(products)}
	state := &g.people.state[i]
	count := *state & sessionsMask
	s.phone = s.traits.phone
	s.known = *state&signedUp != 0
	if s.known && s.traits.hasSecond && r.float() < secondSession {
		s.second, s.phone = true, s.traits.second
		s.known = *state&secondKnown != 0
		s.identify = !s.known
	} else if s.traits.signsUp && !s.known && count >= s.traits.signUpAt {
		s.identify = true
	}
	if count < sessionsMask {
		*state++
	}
	// A geometric number of events, at least enough for what the visit is to contain.
	s.length = 3 + int(r.exp()*7.9)
	if s.length > 120 {
		s.length = 120
	}
	s.funnel = funnelTable.pick(r.next())
	s.length = max(s.length, s.funnel+2)
	if s.identify {
		s.length = max(s.length, s.funnel+4)
	}
	if r.below(100) == 0 {
		s.due += r.exp() * 3 * 3600 * 1e6
	}
	return s
}

// sessions is a heap by due.
type sessions struct{ list []session }

func (h *sessions) push(s session) {
	h.list = append(h.list, s)
	i := len(h.list) - 1
	for i > 0 {
		up := (i - 1) / 2
		if h.list[up].due <= h.list[i].due {
			return
		}
		h.list[up], h.list[i] = h.list[i], h.list[up]
		i = up
	}
}

func (h *sessions) pop() {
	n := len(h.list) - 1
	h.list[0] = h.list[n]
	h.list = h.list[:n]
	h.down()
}

// down restores the order after the first one's time moved on.
func (h *sessions) down() {
	i := 0
	for {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(h.list) && h.list[c].due < h.list[least].due {
				least = c
			}
		}
		if least == i {
			return
		}
		h.list[i], h.list[least] = h.list[least], h.list[i]
		i = least
	}
}
