package compat

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// witness reads every answer that any client gets and holds it against FAIL-1: never a 5xx, 429 says when to
// come back, a body is whole.
type witness struct {
	tb testing.TB

	mu     sync.Mutex
	allows []seen
	sheds  int
}

// seen is one answer.
type seen struct {
	path   string
	status int
	body   []byte
	took   time.Duration
}

// String is for failure messages.
func (s seen) String() string { return fmt.Sprintf("%s: %d %.200q", s.path, s.status, s.body) }

func (w *witness) wrap(next http.RoundTripper) http.RoundTripper { return &watched{w, next} }

type watched struct {
	*witness
	next http.RoundTripper
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	answer, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	w.look(answer, seen{r.URL.Path, answer.StatusCode, body, time.Since(began)})
	return answer, nil
}

func (w *witness) look(answer *http.Response, s seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.status >= 500 {
		w.tb.Errorf("%s answered %d: %.300s", s.path, s.status, s.body)
	}
	if s.status == http.StatusTooManyRequests {
		w.sheds++
		if answer.Header.Get("Retry-After") == "" {
			w.tb.Errorf("%s sheds without Retry-After: %s", s.path, s.body)
		}
	}
	switch kind := answer.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "application/json"):
		if !json.Valid(s.body) {
			w.tb.Errorf("%s answered a broken body %q", s.path, s.body)
		}
	case kind == "application/bson":
		if len(s.body) < 5 || int(binary.LittleEndian.Uint32(s.body)) != len(s.body) || s.body[len(s.body)-1] != 0 {
			w.tb.Errorf("%s answered a broken body %q", s.path, s.body)
		}
	}
	if s.allowed() {
		w.allows = append(w.allows, s)
	}
}

// allowed reports an answer that lets a person in.
func (s seen) allowed() bool {
	return bytes.Contains(s.body, []byte(`"result":"allow"`)) || bytes.Contains(s.body, []byte("result\x00\x06\x00\x00\x00allow\x00")) ||
		bytes.Contains(s.body, []byte(`"id_token"`))
}

// let is how often somebody was let in so far.
func (w *witness) let() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.allows)
}

// shed is how often somebody was turned away for now.
func (w *witness) shed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sheds
}
