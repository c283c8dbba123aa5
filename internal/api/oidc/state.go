package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
)

// maxState is the largest DoorState the flow keeps, in bytes.
const maxState = 8 << 10

// doorState is what this door remembers in a login.
type doorState struct {
	RedirectURI string `json:"redirect_uri"`
	State       string `json:"state"`
	Nonce       string `json:"nonce,omitempty"`
	DuoCode     bool   `json:"duo_code"`
	Username    string `json:"username"` // as presented; the id_token gives it back letter by letter
	Challenge   string `json:"challenge,omitempty"`
}

func (s doorState) encode() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // addresses are full of &
	if err := e.Encode(s); err != nil {
		panic(err) // strings and a boolean always encode
	}
	return b.Bytes()
}

var errNotOurs = errors.New("login was not opened by the OIDC door")

func stateOf(l login.Login) (doorState, error) {
	var s doorState
	if l.Door != Name {
		return s, errNotOurs
	}
	err := json.Unmarshal(l.DoorState, &s)
	if err == nil && s.RedirectURI == "" {
		err = errNotOurs
	}
	return s, err
}

// Return is where the browser of a finished login goes: the application's address with its own
// query kept, and state and code added.
func (d *Door) Return(_ context.Context, l login.Login, grant secret.Text) (string, error) {
	s, err := stateOf(l)
	if err != nil {
		return "", err
	}
	name := "code"
	if s.DuoCode {
		name = "duo_code"
	}
	return withQuery(s.RedirectURI, "state", s.State, name, grant.Reveal()), nil
}

// Origin is the origin Return will lead to, for the form-action of the page whose form ends
// there: browsers apply it to every hop of a redirect.
func (d *Door) Origin(l login.Login) (string, error) {
	s, err := stateOf(l)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s.RedirectURI)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + u.Host, nil
}
