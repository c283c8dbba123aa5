package frame

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/domain/login"
	"countersign/internal/flow/signin"
)

// state is what this door remembers in a login.
type state struct {
	User   []byte `json:"user"` // as presented
	Parent string `json:"parent"`
	Enroll bool   `json:"enroll,omitempty"` // asked for by ENROLL_REQUEST
	Secret int    `json:"secret,omitempty"` // number of the one that the request was signed with: the answer is, too
}

func (s state) encode() []byte {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // bytes, a string and a boolean always encode
	}
	return raw
}

var errNotOurs = errors.New("login was not opened by the frame door")

func stateOf(l login.Login) (state, error) {
	var s state
	if l.Door != login.DoorFrame {
		return s, errNotOurs
	}
	return s, json.Unmarshal(l.DoorState, &s)
}

// Parent is the origin that may frame the pages of a sign-in and gets its answer.
func (d *Door) Parent(l login.Login) string {
	s, err := stateOf(l)
	if err != nil {
		return ""
	}
	return s.Parent
}

// Complete finishes an allowed sign-in, collects it for its application, and signs the answer. Both ends are
// ours here, so the grant never leaves the program; a person whose status changed meanwhile gets no answer. Asked again
// within signin.RepeatLife it gives the same answer: the page with the first one may never have arrived.
func (d *Door) Complete(ctx context.Context, s signin.Session) (string, error) {
	mine, err := stateOf(s.Login)
	if err != nil {
		return "", err
	}
	result, err := d.collect(ctx, s)
	if err != nil {
		return "", err
	}
	key, err := signed.SecretNumbered(d.Keys, result.Application, mine.Secret, d.Now())
	if errors.Is(err, reply.ErrRetired) {
		return "", errClosed.With(err)
	}
	if err != nil {
		return "", err
	}
	prefix := answerAuth
	if mine.Enroll {
		prefix = answerEnroll
	}
	return sign(key, prefix, mine.User, result.Application.ID, result.Login.Collected.Add(answerLife)), nil
}

// collect takes the sign-in for its application, or finds what was taken a moment ago.
func (d *Door) collect(ctx context.Context, s signin.Session) (signin.Result, error) {
	grant, err := d.SignIn.Finish(ctx, s)
	if err == nil {
		var result signin.Result
		if result, err = d.SignIn.Collect(ctx, grant, s.Application.ID); err == nil {
			return result, nil
		}
	}
	if errors.Is(err, login.ErrStale) || errors.Is(err, login.ErrGrant) { // collected already, maybe
		return d.SignIn.Recollect(ctx, s)
	}
	return signin.Result{}, err
}

// Remembers reports whether a sign-in may have its browser remembered (B-06): one that was asked for to set up a device
// may not.
func (d *Door) Remembers(l login.Login) bool {
	s, err := stateOf(l)
	return err == nil && !s.Enroll && d.Remember != nil
}

// Keep gives the browser of a completed sign-in what it is to be known by, when the person chose so. The answer is
// spent by then, so a failure costs no more than one question next time.
func (d *Door) Keep(w http.ResponseWriter, r *http.Request, s signin.Session) {
	if !d.Remembers(s.Login) {
		return
	}
	value, life, err := d.SignIn.KeptBrowser(r.Context(), s)
	switch {
	case err != nil:
		d.note(r, "browser not remembered", err)
	case !value.Empty():
		d.Remember(w, s.Application.ID, d.Parent(s.Login), value, life)
	}
}

// Refuse is the answer that nobody was signed in. The client posts it to the application, whose check finds no user
// in it.
func (d *Door) Refuse() string { return d.Refusal("Sign in was not completed.") }

// Refusal is an error answer. The client's script takes letters, digits, spaces, dots and brackets only.
func (d *Door) Refusal(text string) string {
	return answerError + "|" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == ' ', r == '.', r == '(', r == ')':
			return r
		}
		return -1
	}, text)
}
