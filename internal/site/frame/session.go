package frame

import (
	"errors"
	"net/http"
	"strings"

	"countersign/internal/base/secret"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/flow/devices"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// manage is one request's device session and what its pages need.
type manage struct {
	devices.View
	p    *Pages
	base Base
	path string // base of the device pages
}

// withSession serves a device page.
func (p *Pages) withSession(serve web.Serve[*manage]) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		l, key, r, err := p.known(w, r)
		if err != nil {
			return err
		}
		m, err := control.Read(r, func() (*manage, error) { return p.session(l, key, r) })
		if err == nil {
			err = serve(m, w, r)
		}
		if errors.Is(err, session.ErrProof) || errors.Is(err, session.ErrIdle) { // prove again, if the sign-in is still there
			err = web.Move(w, r, Path(l, key)+wanted(r).below()+"?again=1")
		}
		if errors.Is(err, phone.ErrUnknown) {
			err = control.ErrGone
		}
		if err != nil {
			p.stop(w, r, l, err)
		}
		return nil
	}
}

// wanted is the section that a device page belongs to.
func wanted(r *http.Request) Section {
	if _, below, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, At), "/my/"); strings.Contains(below, "/setup") || strings.HasSuffix(below, "/add") {
		return Add
	}
	return Settings
}

// session finds the device session of an address. It ends with the sign-in that it stands below: whoever uses this
// computer next does not find it (D-31).
func (p *Pages) session(l login.Login, key secret.Text, r *http.Request) (*manage, error) {
	found, err := p.Session(r, secret.NewText(r.PathValue("session")))
	if err != nil {
		return nil, err
	}
	if found.Session.LoginID != l.ID || l.Stage == login.Finished {
		return nil, session.ErrIdle
	}
	m := &manage{View: found, p: p, path: Path(l, key) + "/my/" + r.PathValue("session")}
	m.base = Base{Base: p.AroundDevices(found), Home: Path(l, key), Mine: m.path, Spent: found.Session.ChangesLeft == 0, Section: Settings, Devices: true}
	m.base.App, m.base.Ending = found.Application.Name, p.Ending(l, Path(l, key), r)
	return m, nil
}
