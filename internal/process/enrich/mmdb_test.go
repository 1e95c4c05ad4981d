package enrich

import (
	"encoding/binary"
	"net/netip"
	"sort"
)

// buildGeo makes a database in MaxMind's format: IPv6 tree with 32-bit records, IPv4 networks below ::/96.
func buildGeo(networks map[string]any) []byte {
	const empty = 0
	nodes := [][2]uint32{{}}
	var data []byte
	prefixes := make([]string, 0, len(networks))
	for p := range networks {
		prefixes = append(prefixes, p)
	}
	sort.Strings(prefixes)
	const leaf = 1 << 31 // Marks a record as an offset into data until the number of nodes is known.
	for _, text := range prefixes {
		p := netip.MustParsePrefix(text)
		addr, bits := p.Addr().As16(), p.Bits()
		if p.Addr().Is4() {
			v4 := p.Addr().As4()
			addr = [16]byte{}
			copy(addr[12:], v4[:])
			bits += 96
		}
		at := uint32(0)
		for i := range bits {
			bit := addr[i/8] >> (7 - i%8) & 1
			if i == bits-1 {
				nodes[at][bit] = leaf | uint32(len(data))
				break
			}
			if nodes[at][bit] == empty {
				nodes = append(nodes, [2]uint32{})
				nodes[at][bit] = uint32(len(nodes) - 1)
			}
			at = nodes[at][bit]
		}
		data = encodeValue(data, networks[text])
	}
	var out []byte
	n := uint32(len(nodes))
	for _, node := range nodes {
		for _, r := range node {
			switch {
			case r == empty:
				r = n
			case r&leaf != 0:
				r = r&^leaf + n + 16
			}
			out = binary.BigEndian.AppendUint32(out, r)
		}
	}
	out = append(append(out, make([]byte, 16)...), data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	return encodeValue(out, map[string]any{
		"node_count": n, "record_size": uint16(32), "ip_version": uint16(6), "database_type": "Test",
		"binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0), "build_epoch": uint64(1),
		"languages": []any{"en"}, "description": map[string]any{"en": "test"},
	})
}

func encodeValue(b []byte, v any) []byte {
	control := func(kind, size int) {
		if kind <= 7 {
			b = append(b, byte(kind<<5|size))
		} else {
			b = append(b, byte(size), byte(kind-7))
		}
	}
	number := func(kind int, v uint64) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], v)
		i := 0
		for i < 8 && n[i] == 0 {
			i++
		}
		control(kind, 8-i)
		b = append(b, n[i:]...)
	}
	switch v := v.(type) {
	case string:
		if len(v) >= 29 {
			panic("long text")
		}
		control(2, len(v))
		b = append(b, v...)
	case uint16:
		number(5, uint64(v))
	case uint32:
		number(6, uint64(v))
	case uint64:
		number(9, v)
	case []any:
		control(11, len(v))
		for _, x := range v {
			b = encodeValue(b, x)
		}
	case map[string]any:
		control(7, len(v))
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			b = encodeValue(encodeValue(b, k), v[k])
		}
	}
	return b
}
