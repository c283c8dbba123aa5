package phone

import (
	"errors"
	"io"
	"net/http"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
)

// What the door itself refuses with.
var (
	errUnsigned  = errs.New(errs.Unproved, "phone.unsigned")
	errSignature = errs.New(errs.Unproved, "phone.signature")
	errClock     = errs.New(errs.Unproved, "phone.clock")
	errReplayed  = errs.New(errs.Unproved, "phone.replayed")
	errBody      = errs.New(errs.Invalid, "phone.body")
	errTooLarge  = errs.New(errs.Invalid, "phone.body_size")
	errBusy      = errs.New(errs.Limited, "phone.busy")
	errNoRoute   = errs.New(errs.NotFound, "phone.route")
	errNoRequest = errs.New(errs.NotFound, "phone.request")
)

// prove finds out who calls. Order: form, key on record, time, signature, nonce. The nonce is
// looked at last, so that only the key's holder can fill the memory of nonces.
func (d *Door) prove(w http.ResponseWriter, r *http.Request) (caller, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return caller{}, errUnsigned
	}
	a, err := phonewire.ParseAuthorization(headers[0])
	if err != nil {
		return caller{}, errUnsigned
	}
	body, err := readBody(w, r)
	if err != nil {
		return caller{}, err
	}
	key, ended := d.Mobile.Key(r.Context(), a.KeyID)
	if ended != nil && len(key.SPKI) == 0 {
		return caller{}, ended
	}
	now := d.Now()
	if off := now.Sub(time.UnixMilli(a.Time)); off > phonewire.Window || off < -phonewire.Window {
		return caller{}, errClock
	}
	if err := a.Verify(key.SPKI, r.Method, r.Host, r.URL.RequestURI(), body); err != nil {
		return caller{}, errSignature.With(err)
	}
	if err := d.nonces.spend(a.KeyID, a.Nonce, now, time.UnixMilli(a.Time).Add(phonewire.Window)); err != nil {
		return caller{}, err
	}
	if ended == nil && key.Confirmed.IsZero() {
		if err := d.Mobile.Confirm(r.Context(), a.KeyID); err != nil {
			return caller{}, err
		}
	}
	return caller{phoneID: key.PhoneID, keyID: a.KeyID, spki: key.SPKI, body: body, ended: ended}, nil
}

// readBody reads at most phonewire.MaxBody.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, phonewire.MaxBody))
	if err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, errTooLarge
		}
		return nil, errBody.With(err)
	}
	return body, nil
}

// decode reads a body of the protocol.
func decode(body []byte, v any) error {
	if err := phonewire.Decode(body, v); err != nil {
		return errBody.With(err)
	}
	return nil
}

// refusal turns a check's error into the door's.
func refusal(err error) error {
	if errors.Is(err, phonewire.ErrSignature) {
		return errSignature.With(err)
	}
	return errBody.With(err)
}
