package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

// authorize takes a browser with a signed request and sends it to the prompt.
func (d *Door) authorize(w http.ResponseWriter, r *http.Request) {
	if !d.ours(r.Host) && d.misplaced(r) {
		d.page(w, r, refuse(wrongHost, "host"))
		return
	}
	p, f := readParams(w, r)
	if f != nil {
		d.page(w, r, f)
		return
	}
	if d.misplaced(r) {
		d.moveHouse(w, r, p)
		return
	}
	c, app, f := d.verifyRequest(r.Context(), p)
	if f != nil {
		d.page(w, r, f)
		return
	}
	state, k := remember(&c, p)
	if k == nil && len(state.encode()) > maxState {
		k = malformed
	}
	if k != nil {
		d.sendBack(w, r, state, refuse(k, "request of "+app.ID))
		return
	}
	if r.Method == http.MethodHead { // a link checker opens no sign-in
		return
	}
	d.begin(w, r, app, &c, state)
}

// moveHouse sends the browser to the same request at the prompt's own origin, where cookies,
// WebAuthn and the phone app work (RULE-41).
func (d *Door) moveHouse(w http.ResponseWriter, r *http.Request, p *params) {
	query := r.URL.RawQuery
	if r.Method == http.MethodPost {
		query = p.query()
	}
	d.redirect(w, strings.TrimSuffix(d.PublicURL, "/")+authorizePath+"?"+query)
}

func (d *Door) begin(w http.ResponseWriter, r *http.Request, app application.Application, c *request, state doorState) {
	if c.ID != "" {
		err := d.spend(r.Context(), requestPurpose, app, &c.registered)
		if errors.Is(err, application.ErrSpent) {
			d.page(w, r, refuse(usedRequest, "jti was used before"))
			return
		}
		if err != nil {
			d.sendBack(w, r, state, shed(err))
			return
		}
	}
	var kept secret.Text
	if d.Remembered != nil && !c.anew() {
		kept = d.Remembered(r, app.ID)
	}
	opening, err := d.SignIn.Begin(r.Context(), signin.Request{
		Door: Name, DoorState: state.encode(), Application: app, Username: c.Username, Remembered: kept,
		IP: d.remote(r), UserAgent: clip(r.UserAgent(), 512),
	})
	switch {
	case err == nil:
		d.SetLoginCookie(w, r, opening.Login, opening.Cookie)
		d.redirect(w, d.PromptURL(opening.Login))
	case errors.Is(err, context.Canceled):
		// The browser is gone.
	case errors.Is(err, user.ErrNameInvalid):
		d.sendBack(w, r, state, refuse(badName, "duo_uname"))
	case errors.Is(err, application.ErrUnknown):
		d.page(w, r, refuse(closedClient, "application gone"))
	case errs.KindOf(err) == errs.Invalid:
		d.sendBack(w, r, state, refuse(malformed, err.Error()))
	default:
		d.sendBack(w, r, state, shed(err))
	}
}

// sendBack tells the application what is wrong; its address was found good.
func (d *Door) sendBack(w http.ResponseWriter, r *http.Request, s doorState, f *refusal) {
	d.note(r.Context(), r, f)
	pairs := []string{"error", f.code, "error_description", f.description}
	if sized(s.State) {
		pairs = append(pairs, "state", s.State)
	}
	d.redirect(w, withQuery(s.RedirectURI, pairs...))
}

// redirect is always 303: what came as POST goes on as GET (RFC 9700 4.12).
func (d *Door) redirect(w http.ResponseWriter, address string) {
	w.Header().Set("Location", address)
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
}

// clip shortens s to at most n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
