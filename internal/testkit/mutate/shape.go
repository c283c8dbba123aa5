package mutate

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// Pick returns a random dialect, weighted by Share.
func (m *Mutator) Pick(all []*Dialect) *Dialect {
	sum := 0
	for _, d := range all {
		sum += d.Share
	}
	i, n := 0, m.IntN(sum)
	for ; n >= all[i].Share; i++ {
		n -= all[i].Share
	}
	return all[i]
}

// Params returns a signed request that is well formed and has mutated parameters: hostile values, unknown names and
// missing ones.
func (m *Mutator) Params(d *Dialect, now time.Time) *Request {
	r := m.request(d, "parameters")
	r.put(m.values(d).Encode())
	m.sign(r, now, false)
	return r
}

// Raw returns a signed request whose encoding, type, framing, size or method is mutated as well.
func (m *Mutator) Raw(d *Dialect, now time.Time) *Request {
	r := m.request(d, "")
	wide := Of(m, shapes)
	if m.OneIn(50) {
		wide = Of(m, hugeShapes)
	}
	r.Shape = wide.name
	wide.do(m, r, m.values(d))
	m.sign(r, now, r.Type != formType && m.IntN(8) != 0)
	return r
}

func (m *Mutator) request(d *Dialect, shape string) *Request {
	r := &Request{Shape: shape, Dialect: d, Method: d.Method, Path: d.Path, Header: http.Header{}}
	if r.Method == http.MethodPost {
		r.Type = formType
	}
	if m.OneIn(200) { // the same path, escaped as no client does
		r.Path = strings.Replace(r.Path, "e", "%65", 1)
	}
	if m.OneIn(50) {
		r.Header.Set("X-Duo-Extra", "a b")
	}
	if m.OneIn(50) {
		r.Header.Set("User-Agent", "x\xff(\\\"")
	}
	return r
}

// put sets encoded parameters as the body of a POST or the query of any other method.
func (r *Request) put(encoded string) {
	if r.Method == http.MethodPost {
		r.Body = []byte(encoded)
	} else {
		r.Query = inTarget(encoded)
	}
}

// inTarget escapes what may not stand in the first line of a request. net/http would refuse it before the handler.
func inTarget(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f {
			b.WriteString(url.QueryEscape(string(rune(c))))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// sign signs with a random sender and one of its signatures. For a POST, whole prefers one over the bytes of the body
// and its opposite one over the parameters.
func (m *Mutator) sign(r *Request, now time.Time, whole bool) {
	by := Of(m, r.Dialect.Senders)
	with := Of(m, by.Signatures)
	for try := 0; try < 8 && r.Method == http.MethodPost && whole != signsBytes(with); try++ {
		with = Of(m, by.Signatures)
	}
	r.sign(by, with, now)
}

// values returns the parameters of one request. Some are valid, some hostile, some missing, and some are added.
func (m *Mutator) values(d *Dialect) url.Values {
	v := url.Values{}
	for _, name := range slices.Sorted(maps.Keys(d.Fixed)) {
		if !m.OneIn(50) {
			v[name] = d.Fixed[name]
		}
	}
	for i, f := range d.Fields {
		good, hostile := 40, 20
		switch {
		case i == 0:
			good, hostile = 60, 35
		case f.Rare:
			good, hostile = 6, 6
		}
		if n := m.IntN(100); n < good {
			v.Set(f.Name, Of(m, f.Good))
		} else if n < good+hostile {
			v.Set(f.Name, m.Text())
		}
	}
	switch m.IntN(12) {
	case 0:
		v.Add(m.Text(), m.Text())
	case 1:
		v.Add(Of(m, d.Fields).Name, m.Text())
	}
	return v
}

// shape is one mutation of a request. do writes the parameters v to r.
type shape struct {
	name string
	do   func(m *Mutator, r *Request, v url.Values)
}

// shapes are the mutations of Raw.
var shapes = []shape{
	{"broken form", func(m *Mutator, r *Request, v url.Values) { r.put(string(m.Break([]byte(v.Encode()), 1+m.IntN(4)))) }},
	{"unescaped form", func(m *Mutator, r *Request, v url.Values) {
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(Of(m, []string{"&", "&&", ";", "", "&=&"}) + name + Of(m, []string{"=", "==", "", "=%"}) + strings.Join(v[name], "&"))
		}
		r.put(b.String())
	}},
	{"wrong type", func(m *Mutator, r *Request, v url.Values) {
		r.put(v.Encode())
		r.Type = Of(m, types)
	}},
	{"multipart", func(m *Mutator, r *Request, v url.Values) {
		r.Type = "multipart/form-data; boundary=x"
		for _, name := range slices.Sorted(maps.Keys(v)) {
			r.Body = append(r.Body, "--x\r\nContent-Disposition: form-data; name=\""+name+"\"\r\n\r\n"+strings.Join(v[name], ",")+"\r\n"...)
		}
		r.Body = append(r.Body, "--x--\r\n"...)
	}},
	{"JSON", func(m *Mutator, r *Request, v url.Values) { r.json(m.object(v)) }},
	{"broken JSON", func(m *Mutator, r *Request, v url.Values) { r.json(m.Break(m.object(v), 1+m.IntN(4))) }},
	{"odd JSON", func(m *Mutator, r *Request, _ url.Values) { r.json(m.odd(r.Dialect)) }},
	{"chunks", func(m *Mutator, r *Request, v url.Values) {
		r.put(v.Encode())
		r.Framing = Chunked
		if m.OneIn(3) {
			r.json(m.object(v))
		}
	}},
	{"no end", func(m *Mutator, r *Request, v url.Values) {
		r.put(v.Encode())
		r.Framing = Of(m, []Framing{Cut, Garbled})
	}},
	{"twice", func(m *Mutator, r *Request, v url.Values) {
		name := Of(m, r.Dialect.Fields).Name
		for range 1 + m.IntN(3) {
			v.Add(name, Of(m, []string{v.Get(name), m.Text()}))
		}
		r.put(v.Encode())
		if m.OneIn(3) {
			r.Query, r.Body = inTarget(v.Encode()), []byte(v.Encode())
		}
	}},
	{"other method", func(m *Mutator, r *Request, v url.Values) {
		r.Method = map[string]string{http.MethodGet: http.MethodPost, http.MethodPost: http.MethodGet}[r.Method]
		r.put(v.Encode())
		if m.OneIn(4) {
			r.Body = []byte(v.Encode())
		}
	}},
	{"query and body", func(m *Mutator, r *Request, v url.Values) {
		r.Query = inTarget(string(m.Break([]byte(v.Encode()), m.IntN(3))))
		r.Body = []byte(m.values(r.Dialect).Encode())
	}},
	{"packed", func(m *Mutator, r *Request, v url.Values) {
		r.put(v.Encode())
		r.Header.Set("Content-Encoding", Of(m, []string{"gzip", "identity", "br", "x"}))
	}},
	{"noise", func(m *Mutator, r *Request, _ url.Values) {
		r.Body = make([]byte, m.IntN(300))
		for i := range r.Body {
			r.Body[i] = byte(m.IntN(256))
		}
		r.Type = Of(m, []string{formType, jsonType, "", "application/octet-stream"})
	}},
}

// hugeShapes cost the server the most, so they are used less often.
var hugeShapes = []shape{
	{"huge", func(m *Mutator, r *Request, v url.Values) {
		v.Set(Of(m, r.Dialect.Fields).Name, strings.Repeat(Of(m, []string{"a", "ü", "%", "\x00"}), 1<<(12+m.IntN(4))+m.IntN(9)))
		r.Body = []byte(v.Encode())
		r.Framing = Of(m, []Framing{Whole, Chunked})
		if m.OneIn(3) {
			r.json(m.object(v))
		}
	}},
	{"many", func(m *Mutator, r *Request, v url.Values) {
		for i := range 200 + m.IntN(200) {
			v.Set(Of(m, Hostile)+string(rune('a'+i)), "x")
		}
		r.put(v.Encode())
	}},
	{"deep", func(m *Mutator, r *Request, v url.Values) {
		n := 1 << m.IntN(15)
		r.json([]byte(`{"` + Of(m, r.Dialect.Fields).Name + `":` + strings.Repeat(Of(m, []string{"[", `{"a":`}), n)))
	}},
}

// types are values of Content-Type that do not fit the body, or are no media type.
var types = []string{"", "text/plain", "application/x-www-form-urlencoded; charset=utf-16", "APPLICATION/X-WWW-FORM-URLENCODED", "multipart/form-data", ";", "/",
	"text/json", "application/json;charset", "application/jsonp", "application/xml", "\xff", strings.Repeat("a/", 3000)}

func (r *Request) json(body []byte) {
	r.Type, r.Body = jsonType, body
}

// object returns parameters as one JSON object. A value may have another type than text.
func (m *Mutator) object(v url.Values) []byte {
	all := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch list := v[name]; {
		case len(list) > 1:
			all[name] = list
		case m.OneIn(8):
			all[name] = Of(m, []any{nil, true, false, 1, -1.5e300, []string{}, []any{list[0]}, map[string]any{"a": list[0]}})
		default:
			all[name] = list[0]
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err) // such values always have a JSON form
	}
	return b
}

// odd returns JSON that different readers read in different ways, with the name of a field of the dialect in it.
func (m *Mutator) odd(d *Dialect) []byte {
	return bytes.ReplaceAll([]byte(Of(m, oddities)), []byte("NAME"), []byte(Of(m, d.Fields).Name))
}

// oddities are bodies for odd. NAME stands for the name of a field.
var oddities = []string{"", " ", "null", "true", "0", `"NAME"`, "[]", `["NAME"]`, "{}", "{} {}", "{},", `{"NAME":"ana","NAME":"eve"}`, `{"NAME":1e999}`,
	`{"NAME":00}`, `{"NAME":"\ud800"}`, `{"NAME":"\u0000"}`, "{\"NAME\":\"\xff\"}", "\ufeff{\"NAME\":\"ana\"}", `{"NAME":[["ana"]]}`, `{"NAME":{"a":{"b":[]}}}`,
	`{'NAME':'ana'}`, `{NAME:"ana"}`, `{"NAME":"ana",}`, `{"NAME":NaN}`, `{"NAME":"ana"`, `{"NAME"}`, "{\"NAME\":\"a\nb\"}", `{"":"","NAME":"ana"}`, `{"NAME":"ana"}NAME=eve`,
	`{"NAME":"ana"}` + "\x00", `{"NAME":["ana",null,true,3]}`, `{"NAME":123456789012345678901234567890}`}

// Carry sets another body and content type, and signs the request again.
func (m *Mutator) Carry(r *Request, body, kind string, now time.Time) {
	r.Body, r.Type = []byte(body), kind
	m.sign(r, now, r.isJSON())
}
