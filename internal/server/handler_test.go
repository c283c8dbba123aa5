package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A blocking call waits longer for its answer than a body may take to arrive.
func TestABodyThatArrivedMakesNobodyLeave(t *testing.T) {
	var ended bool
	deadlines := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	h := limitBody(0, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if deadlines.last.IsZero() {
			t.Error("a body may take for ever")
		}
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		ended = deadlines.last.IsZero()
	}))
	h.ServeHTTP(deadlines, httptest.NewRequest("POST", "/", strings.NewReader("a=b")))
	if !ended {
		t.Error("the time for the body goes on after its end")
	}
}

type deadlineWriter struct {
	*httptest.ResponseRecorder
	last time.Time
}

func (d *deadlineWriter) SetReadDeadline(at time.Time) error {
	d.last = at
	return nil
}
