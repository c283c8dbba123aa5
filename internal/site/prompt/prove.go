package prompt

import (
	"net/http"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
	"countersign/internal/site/control"
	"countersign/internal/site/web"
)

// Again implements control.Prompt: the page with the code field, or the one that says why no request goes out.
func (v *view) Again(mistake *errs.Error, status int, w http.ResponseWriter, r *http.Request) error {
	if mistake.Kind == errs.Limited {
		return v.Write(w, r, status, v.paused(r, mistake))
	}
	page := v.codePage()
	page.Err = mistake
	return v.Write(w, r, status, page)
}

// paused says why no request goes out now, and leaves the code field and the way to the others open.
func (v *view) paused(r *http.Request, e *errs.Error) Refused {
	page := v.refused(e)
	page.LoginPath = v.Path
	page.CodeField, page.Kinds, page.Remember = true, v.Kinds(), v.Box
	page.Actions = []web.Link{{Path: v.Path + "/ways", Text: v.Web.Pages.Words(r).S("prompt.ways")}}
	return page
}

// pushPage is the waiting page, in whatever state its request is.
func (v *view) pushPage(t transaction.Transaction) Push {
	page := Push{Base: v.base, Path: v.Path, Purpose: v.purpose, Way: control.AskedBy(t), Number: t.Number, State: control.StateOf(t, v.Now()),
		Version: v.Login.Version, DeliveredAt: control.DeliveredAt(t), Until: t.Expires, Code: true, Remember: v.Box}
	if t.Purpose == transaction.Pairing {
		page.Purpose = FirstRequest
		if t.ApplicationID == application.PortalID {
			page.Purpose = TryOut
		}
	}
	for _, row := range v.Asking() {
		if row.ID == page.Way {
			page.Device = row.Device
		} else if len(page.Others) < 3 {
			page.Others = append(page.Others, row)
		}
	}
	return page
}

// Status implements control.Prompt.
func (v *view) Status(t transaction.Transaction, words web.Words) control.Status {
	if t.ID == "" {
		return control.Status{Open: true}
	}
	return v.pushPage(t).Status(words)
}

// asks reports whether the page may ask for a proof at all: there is somebody to give one, and it is still wanted.
func (v *view) asks() bool {
	return v.User.ID != "" && v.Step.Kind != signin.Refused && (v.Login.Stage == login.Open || v.proof() && v.Login.Stage == login.Allowed)
}

// showCode is the page with the code field.
func (v *view) showCode(w http.ResponseWriter, r *http.Request) error {
	if !v.asks() {
		return web.Move(w, r, v.Home)
	}
	return v.Write(w, r, http.StatusOK, v.codePage())
}

func (v *view) codePage() Code {
	page := Code{Base: v.base, Path: v.Path, Purpose: v.purpose, Kinds: v.Kinds(), Remember: v.Box}
	if rows := v.Asking(); len(rows) > 0 {
		page.Ask = &rows[0]
	}
	return page
}

// showWays lists every way.
func (v *view) showWays(w http.ResponseWriter, r *http.Request) error {
	if !v.asks() {
		return web.Move(w, r, v.Home)
	}
	return v.Write(w, r, http.StatusOK, Ways{Base: v.base, Path: v.Path, Purpose: v.purpose, Rows: v.Rows(),
		Back: !v.proof() && v.Step.Kind == signin.Waiting})
}
