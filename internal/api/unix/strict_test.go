package unix

import (
	"encoding/binary"
	"errors"
	"strings"
	"unicode"

	"countersign/internal/testkit/mutate"
)

// The reading side of duo_unix 1.11.3 (lib/bson.c, lib/duo.c), as strict in types and lengths and stricter in
// structure: where the C code would read on into whatever lies behind, this refuses.

var errBSON = errors.New("the client would not understand this BSON")

// value is one decoded element.
type value struct {
	kind byte
	text string
	num  int32
	doc  map[string]value
}

func decodeBSON(b []byte) (map[string]value, error) {
	if len(b) < 5 {
		return nil, errBSON
	}
	size := int(int32(binary.LittleEndian.Uint32(b)))
	if size != len(b) || b[size-1] != 0 { // the client takes size <= body; we send exactly
		return nil, errBSON
	}
	doc, rest := map[string]value{}, b[4:size-1]
	for len(rest) > 0 {
		v := value{kind: rest[0]}
		end := strings.IndexByte(string(rest[1:]), 0)
		if end < 0 {
			return nil, errBSON
		}
		key := string(rest[1 : 1+end])
		rest = rest[end+2:]
		var used int
		switch v.kind {
		case 0x02:
			if len(rest) < 4 {
				return nil, errBSON
			}
			n := int(int32(binary.LittleEndian.Uint32(rest)))
			if n < 1 || len(rest) < 4+n || rest[3+n] != 0 || strings.IndexByte(string(rest[4:3+n]), 0) >= 0 {
				return nil, errBSON
			}
			v.text, used = string(rest[4:3+n]), 4+n
		case 0x03:
			if len(rest) < 4 {
				return nil, errBSON
			}
			n := int(int32(binary.LittleEndian.Uint32(rest)))
			if n < 5 || len(rest) < n {
				return nil, errBSON
			}
			var err error
			if v.doc, err = decodeBSON(rest[:n]); err != nil {
				return nil, err
			}
			used = n
		case 0x10:
			if len(rest) < 4 {
				return nil, errBSON
			}
			v.num, used = int32(binary.LittleEndian.Uint32(rest)), 4
		default:
			return nil, errBSON
		}
		if _, twice := doc[key]; twice {
			return nil, errBSON
		}
		doc[key], rest = v, rest[used:]
	}
	return doc, nil
}

// readBSON reads an answer in BSON, readJSON one in JSON.
func readBSON(call string, a mutate.Answer) error {
	if call == "ping" || call == "check" { // the response is a word there
		top, err := decodeBSON(a.Body)
		if err == nil && a.Status == 200 && (top["stat"].text != "OK" || top["response"].text == "") {
			err = errBSON
		}
		return err
	}
	out, err := understand(a.Body, call)
	if err == nil && (out.ok != (a.Status == 200) || !out.ok && int(out.code)/100 != a.Status || hides(out.prompt+out.status+out.message)) {
		err = errBSON
	}
	return err
}

// hides reports what a terminal would obey instead of printing it.
func hides(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) })
}

var errPlain = errors.New("the client would not understand this JSON")

func readJSON(call string, a mutate.Answer) error {
	v, err := mutate.Envelope(a.Status, a.Body)
	if err != nil || v == nil {
		return err
	}
	if call == "ping" || call == "check" {
		if word, _ := v.(string); word == "" {
			return errPlain
		}
		return nil
	}
	r, _ := v.(map[string]any)
	text := func(name string) string {
		s, _ := r[name].(string)
		if s == "" || hides(s) {
			err = errors.Join(err, errPlain)
		}
		return s
	}
	if call == "auth" && r["txid"] != nil {
		text("txid")
		return err
	}
	text("status") // the proxy reads it next to every result
	_, final := r["result"]
	switch {
	case call == "status" && !final:
	case r["result"] == "allow", r["result"] == "deny", call == "preauth" && r["result"] == "enroll":
	case call == "preauth" && r["result"] == "auth":
		text("prompt")
		if _, ok := r["factors"].(map[string]any); !ok {
			err = errPlain
		}
	default:
		err = errPlain
	}
	return err
}

// outcome is what the client makes of an answer.
type outcome struct {
	ok      bool // stat OK
	code    int32
	message string

	result, status, prompt, txid string
	factors                      map[string]string
}

// understand reads an answer as _duo_bson_response and its callers do: want names the call.
func understand(b []byte, want string) (o outcome, err error) {
	top, err := decodeBSON(b)
	if err != nil {
		return o, err
	}
	text := func(d map[string]value, key string) string {
		if d[key].kind != 0x02 {
			err = errBSON
		}
		return d[key].text
	}
	switch stat := text(top, "stat"); stat {
	case "FAIL":
		o.code, o.message = top["code"].num, text(top, "message")
		if top["code"].kind != 0x10 {
			err = errBSON
		}
		return o, err
	case "OK":
		o.ok = true
	default:
		return o, errBSON
	}
	r := top["response"]
	if r.kind != 0x03 {
		return o, errBSON
	}
	switch want {
	case "preauth":
		o.result = text(r.doc, "result")
		switch o.result {
		case "auth":
			o.prompt = text(r.doc, "prompt")
			if r.doc["factors"].kind != 0x03 {
				return o, errBSON
			}
			o.factors = map[string]string{}
			for k := range r.doc["factors"].doc {
				o.factors[k] = text(r.doc["factors"].doc, k)
			}
			if _, ok := o.factors["default"]; !ok { // who cannot ask ends in silence then
				return o, errBSON
			}
		case "allow", "deny", "enroll":
			o.status = text(r.doc, "status")
		default:
			return o, errBSON
		}
	case "auth":
		if _, sync := r.doc["result"]; !sync {
			o.txid = text(r.doc, "txid")
			break
		}
		fallthrough
	case "status":
		_, final := r.doc["result"]
		if _, said := r.doc["status"]; said || final || want == "auth" { // a poll without it prints nothing, and goes on
			o.status = text(r.doc, "status")
		}
		if final {
			if o.result = text(r.doc, "result"); o.result != "allow" && o.result != "deny" {
				return o, errBSON
			}
		}
	}
	return o, err
}
