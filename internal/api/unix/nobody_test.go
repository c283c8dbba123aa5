package unix

import (
	"testing"

	"countersign/internal/domain/user"
)

// AC-009: a name that nobody new may have is denied, and nobody is made for it: any other answer would open a host that
// fails open.
func TestANameLikeAnIDIsDenied(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"DU0123456789ABCDEFGH", "du0123456789abcdefgh", `dom\du0123456789abcdefgh`} {
		if out := w.preauth(name); !out.ok || out.result != "deny" {
			t.Errorf("%s: %+v", name, out)
		}
		if out := w.auth(name, "push1", "0"); !out.ok || out.result != "deny" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	if all, err := w.DB.Read().Users(ctx, user.Query{}); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}
