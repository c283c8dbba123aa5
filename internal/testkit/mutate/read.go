package mutate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// maxNesting is how many levels of objects and lists the clients in C read. Duo Unix from 2.0 reads JSON with a small
// library that limits the levels and refuses a name that occurs twice in an object.
const maxNesting = 15

// errJSON reports JSON that some client would refuse or read in another way than the rest.
var errJSON = errors.New("a client would not understand this JSON")

// Object reads a JSON object as strictly as any known client. It refuses text after the object, bytes that are not
// UTF-8, NUL and lone surrogates in texts, a name that occurs twice, more than 15 levels, and numbers that are not
// int64. Numbers are returned as int64.
func Object(body []byte) (map[string]any, error) {
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return nil, fmt.Errorf("%w: bytes", errJSON)
	}
	if err := escapes(body); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more behind it", errJSON)
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%w: no object", errJSON)
	}
	return o, nil
}

// escapes refuses \u0000, which ends a text in C, and every escaped surrogate.
func escapes(body []byte) error {
	for i := 0; i < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if i+4 >= len(body) || body[i] != 'u' {
			continue
		}
		n, err := strconv.ParseUint(string(body[i+1:i+5]), 16, 16)
		if err != nil || n == 0 || n >= 0xD800 && n <= 0xDFFF {
			return fmt.Errorf("%w: escape %s", errJSON, body[i-1:i+5])
		}
	}
	return nil
}

func value(d *json.Decoder, level int) (any, error) {
	t, err := d.Token()
	if err != nil || level > maxNesting {
		return nil, fmt.Errorf("%w: %v at level %d", errJSON, err, level)
	}
	switch t {
	case json.Delim('{'):
		return object(d, level)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := value(d, level+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	if n, ok := t.(json.Number); ok {
		whole, err := n.Int64()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errJSON, err)
		}
		return whole, nil
	}
	return t, nil
}

func object(d *json.Decoder, level int) (any, error) {
	o := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errJSON, err)
		}
		name, _ := key.(string)
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("%w: %q twice", errJSON, name)
		}
		if o[name], err = value(d, level+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return o, err
}

// Envelope reads the HTTP status and the body together, as every JSON client of the signed doors does. stat OK needs
// status 200 and a response, which is returned. stat FAIL needs a message and a five-digit code that begins with the
// status; the response is then nil.
func Envelope(status int, body []byte) (any, error) {
	o, err := Object(body)
	if err != nil {
		return nil, err
	}
	switch o["stat"] {
	case "OK":
		if r, ok := o["response"]; ok && status == http.StatusOK {
			return r, nil
		}
	case "FAIL":
		code, _ := o["code"].(int64)
		if message, ok := o["message"].(string); ok && message != "" && int(code)/100 == status && status >= 400 {
			return nil, nil
		}
	}
	return nil, fmt.Errorf("%w: %d with stat %v, code %v", errJSON, status, o["stat"], o["code"])
}
