package reply_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"testing"

	"countersign/internal/api/reply"
)

func TestAnEnvelopeIsWholeAndAFailureOfOursIs429(t *testing.T) {
	w := httptest.NewRecorder()
	reply.OK(w, map[string]int{"time": 1})
	if got := w.Body.String(); got != `{"stat":"OK","response":{"time":1}}` || w.Header().Get("Content-Length") != fmt.Sprint(len(got)) {
		t.Errorf("%s, %v", got, w.Header())
	}
	for _, err := range []error{errors.New("disk full"), context.DeadlineExceeded, fmt.Errorf("read: %w", io.ErrUnexpectedEOF)} {
		w := httptest.NewRecorder()
		reply.Fail(w, err)
		if w.Code != 429 || w.Header().Get("Retry-After") == "" || w.Body.String() != `{"stat":"FAIL","code":42901,"message":"Too Many Requests"}` {
			t.Errorf("%v: %d %s %v", err, w.Code, w.Body, w.Header())
		}
	}
	w = httptest.NewRecorder()
	reply.Fail(w, reply.ErrInvalid.About("username"))
	if w.Code != 400 || w.Body.String() != `{"stat":"FAIL","code":40002,"message":"Invalid request parameters","message_detail":"username"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	reply.OK(w, make(chan int))
	if w.Code != 429 {
		t.Errorf("an answer that is no JSON: %d %s", w.Code, w.Body)
	}
}
