package auth

import (
	"io"
	"net/url"
	"testing"
	"time"
)

// Whoever holds no secret brings no end to an application's questions: a body that never arrives and a caller who left say
// nothing about the database (AC-019).
func TestAStrangerEndsNoQuestionOfAnApplication(t *testing.T) {
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
