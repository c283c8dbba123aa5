package reply

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

type failure struct {
	Stat    string `json:"stat"`
	Code    int    `json:"code"`
	Message string `json:"message"`
	Detail  string `json:"message_detail,omitempty"`
}

// Fail answers with the FAIL envelope.
func Fail(w http.ResponseWriter, err error) {
	e := Of(err)
	if wait := e.RetryAfter(); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	write(w, e.Status, failure{"FAIL", e.Code, e.Message, e.Detail})
}

// OK answers with the OK envelope around body.
func OK(w http.ResponseWriter, body any) {
	write(w, http.StatusOK, struct {
		Stat     string `json:"stat"`
		Response any    `json:"response"`
	}{"OK", body})
}

// write sends an envelope with its length: some clients read nothing without one.
func write(w http.ResponseWriter, status int, envelope any) {
	raw, err := json.Marshal(envelope)
	if err != nil { // a body of ours that is no JSON: turned away rather than broken
		status = ErrTooManyRequests.Status
		raw = []byte(`{"stat":"FAIL","code":42901,"message":"Too Many Requests"}`)
		w.Header().Set("Retry-After", ErrTooManyRequests.RetryAfter())
	}
	_ = Whole(w, status, "application/json", raw) // the caller may be gone
}

// Whole writes an answer at once, with its length, for no cache to keep. The error is the connection's.
func Whole(w http.ResponseWriter, status int, contentType string, body []byte) error {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// Sent reports whether what was written went out, as far as the network tells.
func Sent(w http.ResponseWriter) bool {
	err := http.NewResponseController(w).Flush()
	return err == nil || errors.Is(err, http.ErrNotSupported)
}
