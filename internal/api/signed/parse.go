package signed

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"

	"countersign/internal/api/reply"
)

// parseForm reads name=value pairs. A pair with a broken escape keeps its letters, so that the signature
// over it can still be checked, and is reported.
func parseForm(raw string) (url.Values, error) {
	values := url.Values{}
	var failed error
	for raw != "" {
		var one string
		one, raw, _ = strings.Cut(raw, "&")
		if one == "" {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		name, err1 := unescape(name)
		value, err2 := unescape(value)
		if err1 != nil || err2 != nil {
			failed = reply.ErrInvalid.About("percent-encoding")
		}
		values[name] = append(values[name], value)
	}
	return values, failed
}

func unescape(s string) (string, error) {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s, err
	}
	return plain, nil
}

type pair struct{ name, value string }

var errJSON = reply.ErrInvalid.About("JSON body")

// parseJSON reads one object of texts, numbers, truth values and lists of them, each name once. Null is as
// if it were not there; no parameter is an object. An empty body and null are no parameters.
func parseJSON(body []byte) ([]pair, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	start, err := d.Token()
	if err != nil {
		return nil, errJSON.With(err)
	}
	if start == nil {
		return nil, ended(d)
	}
	if start != json.Delim('{') {
		return nil, errJSON
	}
	var pairs []pair
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, errJSON.With(err)
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return nil, errJSON
		}
		seen[name] = true
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, errJSON.With(err)
		}
		values, err := texts(raw, true)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			pairs = append(pairs, pair{name, v})
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errJSON.With(err)
	}
	return pairs, ended(d)
}

func ended(d *json.Decoder) error {
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errJSON
	}
	return nil
}

// texts gives a JSON value as form values: true is "1" and false "0", as forms write them.
func texts(raw json.RawMessage, list bool) ([]string, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case string(raw) == "null":
		return nil, nil
	case string(raw) == "true":
		return []string{"1"}, nil
	case string(raw) == "false":
		return []string{"0"}, nil
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return nil, errJSON.With(err)
		}
		return []string{s}, nil
	case raw[0] == '[' && list:
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return nil, errJSON.With(err)
		}
		var all []string
		for _, item := range items {
			one, err := texts(item, false)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	case raw[0] == '[', raw[0] == '{':
		return nil, errJSON
	}
	return []string{string(raw)}, nil // a number, as it was written
}
