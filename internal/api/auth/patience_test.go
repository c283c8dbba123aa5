package auth

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"countersign/internal/api"
)

// Whoever holds no secret cannot spend an application's patience: a body that never arrives and a caller who left say
// nothing about the database (AC-019).
func TestAStrangerTakesNoPatienceFromAnApplication(t *testing.T) {
	w, db := loses(t)
	w.person("alice")
	w.ok("GET", "check")
	w.door.Deadline = 30 * time.Millisecond
	for range 4 {
		never, end := io.Pipe()
		r := w.sign("POST", "preauth", url.Values{"username": {"alice"}})
		r.Body = never
		r.SetBasicAuth(w.app.ID, "00")
		if late := w.do(r); late.status != 429 || late.header.Get("Retry-After") != "2" {
			t.Errorf("a late body: %d, Retry-After %q", late.status, late.header.Get("Retry-After"))
		}
		w.OK(end.CloseWithError(io.ErrUnexpectedEOF))
		w.Clock.Advance(10 * time.Second)
	}
	w.door.Deadline = time.Minute
	db.lost = true // for two seconds
	w.do(w.sign("POST", "preauth", url.Values{"username": {"mallory"}}))
	if r := w.send("POST", "preauth", "username", "alice"); r.status != 429 || r.header.Get("Retry-After") != "2" {
		t.Errorf("an honest call: %d, Retry-After %q", r.status, r.header.Get("Retry-After"))
	}
	w.Clock.Advance(2 * time.Second)
	db.lost = false
	if a := w.ok("POST", "preauth", "username", "alice"); a.Result != "auth" {
		t.Errorf("two seconds later: %+v", a)
	}
}

// A caller who left got no answer, which is not because none could be found.
func TestACallerWhoLeavesTakesNoPatienceFromTheOthers(t *testing.T) {
	w := newWorld(t)
	left, leave := context.WithCancel(t.Context())
	leave()
	here := w.sign("POST", "preauth", url.Values{"username": {"alice"}})
	c := call{app: w.app, params: url.Values{"username": {"alice"}}, r: here}
	for range 4 {
		for _, one := range []struct {
			r   *http.Request
			err error
		}{{here.WithContext(left), api.ErrTooManyRequests.With(errLate)}, {here, api.ErrTooManyRequests.With(context.Canceled)}} {
			if body, err := w.door.tired(one.r, At+"preauth", &c, nil, one.err); body != nil || api.ErrorOf(err).RetryAfter() != "2" {
				t.Errorf("%v, %v", body, err)
			}
		}
		w.Clock.Advance(10 * time.Second)
	}
	if body, err := w.door.tired(here, At+"preauth", &c, nil, api.ErrTooManyRequests.With(errLate)); body != nil || api.ErrorOf(err).RetryAfter() != "2" {
		t.Errorf("who waits: %v, %v", body, err)
	}
}

func TestManyQuestionsPushOutTheOldestOnly(t *testing.T) {
	var p patience
	start := time.Unix(1_800_000_000, 0)
	p.over("oldest", start)
	p.over("mine", start.Add(time.Second))
	for i := range manyRuns - 1 {
		p.over(fmt.Sprint(i), start.Add(2*time.Second))
	}
	if !p.over("mine", start.Add(time.Second+api.Patience)) {
		t.Error("a question lost its beginning to others")
	}
	if p.over("oldest", start.Add(api.Patience)) {
		t.Error("the oldest was kept")
	}
	if n := len(p.runs); n > manyRuns {
		t.Errorf("%d are kept", n)
	}
}
