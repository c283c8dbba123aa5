package frame_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/flow/directory"
)

// RULE-34: an application that has not learned its new secret can read the answer to what it asked.
func TestAnAnswerIsSignedWithTheSecretOfItsRequest(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	old := w.key
	signsIn := func(meanwhile time.Duration) (status int, answer string) {
		v, at := w.open("TX", "ana")
		if _, _, err := w.Directory.ResetSecret(t.Context(), directory.CommandLine, w.app.ID, meanwhile); err != nil {
			t.Fatal(err)
		}
		v.Send(at+"/code", "code", w.code(d))
		v.Open(at)
		return v.Status, v.Find(`data-answer="([^"]+)"`)
	}
	_, answer := signsIn(time.Hour)
	cut := strings.LastIndexByte(answer, '|')
	h := hmac.New(sha1.New, []byte(old))
	h.Write([]byte(answer[:max(cut, 0)]))
	if cut < 0 || !strings.HasPrefix(answer, "AUTH|") || hex.EncodeToString(h.Sum(nil)) != answer[cut+1:] {
		t.Errorf("during the overlap: %q", answer)
	}
	if status, answer := signsIn(0); status != http.StatusForbidden || strings.HasPrefix(answer, "AUTH|") {
		t.Errorf("after a reset at once: %d %q", status, answer)
	}
}
