package web

import (
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"net/http"

	"countersign/internal/base/errs"
)

// ErrForeignForm reports a form that another site has sent.
var ErrForeignForm = errs.New(errs.Forbidden, "request.foreign")

// ErrStaleForm reports a form without the token of the present session.
var ErrStaleForm = errs.New(errs.Forbidden, "request.stale")

// FormField is the name of the hidden input that carries the form token.
const FormField = "form_token"

// SameOrigin passes to next what comes from the same origin or only reads. Writes from other sites, by Sec-Fetch-Site or
// Origin, go to refuse.
func SameOrigin(next http.Handler, refuse http.Handler) http.Handler {
	p := http.NewCrossOriginProtection()
	p.SetDenyHandler(refuse)
	return p.Handler(next)
}

// Forms makes and checks form tokens, each of which belongs to one session. MAC is a keyed hash such as HMAC-SHA-256.
type Forms struct {
	MAC func(data []byte) []byte
}

// Token returns the token for the session called id.
func (f Forms) Token(id string) string {
	return base64.RawURLEncoding.EncodeToString(f.MAC([]byte("form\x00" + id)))
}

// Check compares the request's token with the session's, in constant time; ErrStaleForm when
// they differ or the session is empty. It reads the form; one over the limit is an error of its own, as
// loading the page again would not help it.
func (f Forms) Check(r *http.Request, id string) error {
	var large *http.MaxBytesError
	if err := r.ParseForm(); errors.As(err, &large) {
		return err
	}
	got, err := base64.RawURLEncoding.DecodeString(r.PostFormValue(FormField))
	if id == "" || err != nil || !hmac.Equal(got, f.MAC([]byte("form\x00"+id))) {
		return ErrStaleForm
	}
	return nil
}
