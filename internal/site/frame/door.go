package frame

import (
	"context"
	"net/http"

	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
)

// Door is where a finished sign-in is answered.
type Door interface {
	// Parent is the origin whose pages may frame this sign-in and get its answer; "" for none: a full page.
	Parent(l login.Login) string
	// Complete finishes an allowed sign-in and gives the answer for Parent, and the same again for a
	// minute, in case the page with it is lost. signin.ErrSpare, login.ErrStale, login.ErrGrant.
	Complete(ctx context.Context, s signin.Session) (answer string, err error)
	// Remembers reports whether the browser of this sign-in may be remembered; Keep, called once it is complete and
	// before anything is written, does so when the person chose it.
	Remembers(l login.Login) bool
	Keep(w http.ResponseWriter, r *http.Request, s signin.Session)
	// Refuse is the answer that nobody was signed in; "" when nobody waits for one.
	Refuse() string
}

// Link is the Door of enrollment links: nothing frames it and nobody waits for an answer (C-10).
type Link struct{}

// Parent implements Door.
func (Link) Parent(login.Login) string { return "" }

// Complete implements Door.
func (Link) Complete(context.Context, signin.Session) (string, error) { return "", login.ErrStale }

// Remembers implements Door.
func (Link) Remembers(login.Login) bool { return false }

// Keep implements Door.
func (Link) Keep(http.ResponseWriter, *http.Request, signin.Session) {}

// Refuse implements Door.
func (Link) Refuse() string { return "" }
