package user_test

import (
	"testing"

	"countersign/internal/domain/user"
)

// C-24: what stands around a name is taken off at either end, or it would be a new person beside the one meant.
func TestASimpleNameIsTheNameAlone(t *testing.T) {
	for given, want := range map[string]string{
		`alice`: "alice", `dom\alice`: "alice", `alice@example.edu`: "alice", `dom\alice@example.edu`: "alice", `alice@a@b`: "alice",
		`alice\`: "alice", `alice\\`: "alice", `dom\alice\`: "alice", `\alice`: "alice", `alice\@`: "alice", `alice\ @x`: "alice",
		`@alice`: "alice", `@@alice`: "alice", `@alice@example.edu`: "alice", `@ alice`: "alice", `alice\@example.edu`: "alice", `alice@`: "alice",
		`@alice\`: "alice", "@\u1680@alice": "alice", `@`: "@", `\`: `\`, `\ @`: `\ @`, `alice smith`: "alice smith",
	} {
		if got := user.Simple(given); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		} else if user.Simple(got) != got {
			t.Errorf("%q: the simple form of %q is %q", given, got, user.Simple(got))
		}
	}
}
