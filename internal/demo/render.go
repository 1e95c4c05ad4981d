package demo

// render appends the session's next event, which happens at a time in milliseconds since 1970.
func (g *Generator) render(b []byte, s *session, ms int64) []byte {
	r := &g.random
	bits := r.next()
	event, kind := g.course(s, bits)
	switch kind {
	case 'i':
		b = append(b, `{"type":"identify","traits":{"plan":"`...)
		b = append(b, plan(s.traits)...)
		b = append(b, `","country":"`...)
		b = append(b, countries[s.traits.country].code...)
		b = append(b, `","newsletter":`...)
		b = appendBool(b, s.traits.number&32 != 0)
		b = append(b, `},`...)
	case 's':
		b = append(b, `{"type":"screen","name":"`...)
		b = append(b, screens[bits>>40%uint64(len(screens))]...)
		b = append(b, `","properties":{"country":"`...)
		b = append(b, countries[s.traits.country].code...)
		b = append(b, `","load_ms":`...)
		b = append(b, durationText[bits>>20&(durations-1)]...)
		b = append(b, `,"orientation":"portrait","previous":"`...)
		b = append(b, screens[bits>>50%uint64(len(screens))]...)
		b = append(b, `"},`...)
	default:
		b = append(b, `{"type":"track","event":"`...)
		b = append(b, names[event].name...)
		b = append(b, `","properties":{`...)
		b = g.properties(b, s, names[event].form, bits)
	}
	return g.envelope(b, s, ms, bits)
}

// course says what happens next in a visit: opening, perhaps signing up or in, the steps of the funnel spread over the
// visit, and anything else in between.
func (g *Generator) course(s *session, bits uint64) (event int, kind byte) {
	switch {
	case s.position == 0:
		return appOpened, 't'
	case s.identify && s.position == s.length-1-s.funnel && s.reached == 0, s.identify && s.position == s.length/3 && s.length/3 < s.length-1-s.funnel:
		s.identify = false
		s.known, s.welcome = true, true
		state := &g.people.state[s.person]
		if s.second {
			*state |= secondKnown
		} else {
			*state |= signedUp
		}
		return signUp, 'i'
	case s.welcome:
		s.welcome = false
		if s.second {
			return logIn, 't'
		}
		return signUp, 't'
	case s.reached < s.funnel && s.position >= s.length-1-s.funnel+s.reached:
		s.reached++
		return funnelFirst + s.reached - 1, 't'
	case bits&7 == 0:
		return 0, 's'
	case s.known && bits>>3&63 == 0:
		return logIn, 't'
	default:
		return funnelFirst + funnelSteps + nameTable.pick(bits>>9), 't'
	}
}

func plan(t traits) string {
	if t.member {
		return "member"
	}
	return "free"
}

func (g *Generator) properties(b []byte, s *session, f form, bits uint64) []byte {
	c := &countries[s.traits.country]
	b = append(b, `"country":"`...)
	b = append(b, c.code...)
	b = append(b, `","duration_ms":`...)
	b = append(b, durationText[bits>>21&(durations-1)]...)
	b = append(b, `,"member":`...)
	b = appendBool(b, s.traits.member)
	b = append(b, `,"variant":"`...)
	b = append(b, 'A'+byte(s.traits.number>>40&1))
	b = append(b, `","source":"`...)
	b = append(b, sources[bits>>31&7]...)
	b = append(b, '"')
	switch f {
	case product:
		b = append(b, ',')
		b = append(b, productText[(s.product+int(bits>>36&7))%products]...)
	case order:
		b = append(b, `,"amount":`...)
		b = append(b, amountText[bits>>44&(amounts-1)]...)
		b = append(b, `,"items":`...)
		b = append(b, '1'+byte(bits>>54&7))
		b = append(b, `,"currency":"`...)
		b = append(b, c.currency...)
		b = append(b, `","payment_method":"`...)
		b = append(b, payments[bits>>57&3]...)
		b = append(b, `","coupon":`...)
		b = appendBool(b, bits>>59&7 == 0)
	case search:
		b = append(b, `,"query":"`...)
		b = append(b, categories[bits>>44%uint64(len(categories))]...)
		b = append(b, `","results":`...)
		b = appendInt(b, int(bits>>50&127))
	case plain:
	}
	return append(b, `},`...)
}

var (
	sources  = [...]string{"direct", "push", "search", "email", "social", "direct", "deeplink", "direct"}
	payments = [...]string{"card", "paypal", "apple_pay", "invoice"}
)

// envelope appends who, when, and with what device.
func (g *Generator) envelope(b []byte, s *session, ms int64, bits uint64) []byte {
	b = append(b, `"messageId":"`...)
	n := uint64(g.made)
	b = AppendUUID(b, mix(g.ids, 2*n), mix(g.ids, 2*n+1))
	device := mix(s.traits.number, 'd')
	if s.second {
		device = mix(s.traits.number, 'e')
	}
	b = append(b, `","anonymousId":"`...)
	b = AppendUUID(b, device, scramble(device))
	if s.known {
		b = append(b, `","userId":"user-`...)
		b = appendPadded(b, s.person, 7)
	}
	b = append(b, `","timestamp":"`...)
	b = g.day.appendTime(b, ms)
	b = append(b, `","integrations":{},`...)
	b = append(b, versionText[g.version(s, ms)]...)
	b = AppendUUID(b, scramble(device), device)
	b = append(b, phoneText[s.phone]...)
	b = append(b, countryText[s.traits.country]...)
	b = appendBool(b, bits&256 == 0)
	b = append(b, `,"wifi":`...)
	b = appendBool(b, bits&256 != 0)
	return append(b, `}}}`...)
}

// version is the app version a person has at a time: there is a release a week, and people lag behind.
func (g *Generator) version(s *session, ms int64) int {
	week := int(ms/1000/86400/7) % 4
	return min(max(week+4-s.traits.lag, 0), len(versions)-1)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, `true`...)
	}
	return append(b, `false`...)
}

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, '0'+byte(n%10))
}

func appendPadded(b []byte, n, width int) []byte {
	at := len(b)
	b = append(b, "00000000000000000000"[:width]...)
	for i := at + width - 1; i >= at; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}

const hexDigits = "0123456789abcdef"

// AppendUUID appends the text of a version 4 UUID made of two numbers.
func AppendUUID(b []byte, hi, lo uint64) []byte {
	hi = hi&^0xf000 | 0x4000
	lo = lo&(1<<62-1) | 1<<63
	at := len(b)
	b = append(b, "00000000-0000-0000-0000-000000000000"...)
	u := b[at : at+36 : at+36]
	for i := range 4 {
		putHex(u[2*i:], byte(hi>>(56-8*i)))
	}
	putHex(u[9:], byte(hi>>24))
	putHex(u[11:], byte(hi>>16))
	putHex(u[14:], byte(hi>>8))
	putHex(u[16:], byte(hi))
	putHex(u[19:], byte(lo>>56))
	putHex(u[21:], byte(lo>>48))
	putHex(u[24:], byte(lo>>40))
	putHex(u[26:], byte(lo>>32))
	putHex(u[28:], byte(lo>>24))
	putHex(u[30:], byte(lo>>16))
	putHex(u[32:], byte(lo>>8))
	putHex(u[34:], byte(lo))
	return b
}

func putHex(b []byte, v byte) {
	b[0], b[1] = hexDigits[v>>4], hexDigits[v&15]
}

// dayText formats times, remembering the last date.
type dayText struct {
	day  int64
	text [11]byte
}

// appendTime appends 2006-01-02T15:04:05.000Z.
func (d *dayText) appendTime(b []byte, ms int64) []byte {
	const perDay = 86_400_000
	day := ms / perDay
	if day != d.day || d.text[0] == 0 {
		d.day = day
		y, m, dd := civil(day)
		t := appendPadded(d.text[:0], y, 4)
		t = appendPadded(append(t, '-'), m, 2)
		t = appendPadded(append(t, '-'), dd, 2)
		_ = append(t, 'T')
	}
	rest := int(ms % perDay)
	b = append(b, d.text[:]...)
	b = appendPadded(b, rest/3_600_000, 2)
	b = appendPadded(append(b, ':'), rest/60_000%60, 2)
	b = appendPadded(append(b, ':'), rest/1000%60, 2)
	b = appendPadded(append(b, '.'), rest%1000, 3)
	return append(b, 'Z')
}

// civil is the date of a day since 1970 (Howard Hinnant's algorithm).
func civil(day int64) (y, m, d int) {
	z := day + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d, m = int(doy-(153*mp+2)/5+1), int(mp+3)
	y = int(yoe + era*400)
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}
